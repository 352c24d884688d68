// SPDX-License-Identifier: Apache-2.0
// The methods of Python's str, dict, list and tuple.
#pragma once

#include <optional>
#include <string>

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

// Empty where Python has no such method. One that would change its value is undefined, as in
// Jinja's immutable sandbox.
std::optional<Value> find_method(const Value& value, const std::string& name);

std::optional<Value> find_text_method(const Value& value, const std::string& name);

// What several methods and filters share.
std::string capitalize(std::string_view text);
std::string title(std::string_view text);  // str.title()

}  // namespace kvhost::jinja
