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

// Shared by the checks.
[[noreturn]] void refuse(const std::string& where, const std::string& reason);
void validate_text(const char* text, const std::string& where, const std::string& field);  // null: ""
void validate_size(uint32_t size, uint32_t least, const std::string& where, const std::string& of);
void validate_reserved(uint32_t reserved, const std::string& where);
bool is_name(const std::string& text);  // [a-z][a-z0-9_]*

}  // namespace kvhost::registry
