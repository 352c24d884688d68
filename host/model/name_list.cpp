// SPDX-License-Identifier: Apache-2.0
#include "model/name_list.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace kvhost {

std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, names.size())));
  return join(first, ", ") +
         (names.size() > kShown ? " and " + std::to_string(names.size() - kShown) + " more" : "");
}

}  // namespace kvhost
