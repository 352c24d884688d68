// SPDX-License-Identifier: Apache-2.0
// From the structs of an opened plugin to a manifest.
#pragma once

#include <filesystem>

#include "kvhost/plugin.h"
#include "manifest.hpp"

namespace kvhost::registry {

// Opens `library` in this process, checks all it says, and returns it. Throws Refusal. Plugin code
// runs: call it only where a crash costs nothing.
Manifest describe_library(const std::filesystem::path& library);

// One validated method as text and numbers of our own, without the flags that this kvhost does not
// know and may ignore. `version`: its library's, which it has when it states none.
MethodInfo method_info(const kvh_method& method, const char* version = "");

}  // namespace kvhost::registry
