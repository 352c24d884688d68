// SPDX-License-Identifier: Apache-2.0
#include "format/shape_text.hpp"

#include "base/text.hpp"

namespace kvhost {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ", ") + "]";
}

}  // namespace kvhost
