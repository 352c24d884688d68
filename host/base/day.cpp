// SPDX-License-Identifier: Apache-2.0
#include "base/day.hpp"

#include <ctime>

namespace kvhost {

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  gmtime_r(&now, &day);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &day);
  return text;
}

}  // namespace kvhost
