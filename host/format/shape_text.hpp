// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvhost {

// "[2, 3]", as messages show a tensor's shape.
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace kvhost
