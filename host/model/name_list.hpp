// SPDX-License-Identifier: Apache-2.0
// Lists of tensor names in messages.
#pragma once

#include <string>
#include <vector>

namespace kvhost {

// "a, b, c and 4 more".
std::string some_of(const std::vector<std::string>& names);

}  // namespace kvhost
