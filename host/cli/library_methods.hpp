// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "registry/catalog.hpp"

namespace kvhost {

// The methods of one library, found as kvhost finds them. Throws Error where it is no plugin.
std::vector<registry::MethodInfo> methods_of(const std::filesystem::path& library);

}  // namespace kvhost
