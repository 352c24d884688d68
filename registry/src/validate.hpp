// SPDX-License-Identifier: Apache-2.0
// Checks of what a plugin says about itself, before anything relies on it.
#pragma once

#include <string>

#include "kvhost/plugin.h"

namespace kvhost::registry {

// Each throws Refusal("describe") with its own text; `where` opens it ("method 'x'").
void validate_plugin(const kvh_plugin& plugin);  // and all its methods
void validate_method(const kvh_method& method, const std::string& where);
void validate_params(const kvh_method& method, const std::string& where);

// The default scorer that `method` names, null when none or when it was built before there were
// any.
const char* default_inner(const kvh_method& method);

// Shared by the checks.
[[noreturn]] void refuse(const std::string& where, const std::string& reason);
void validate_text(const char* text, const std::string& where, const std::string& field);
bool is_name(const std::string& text);  // [a-z][a-z0-9_]*

}  // namespace kvhost::registry
