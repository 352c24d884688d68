// SPDX-License-Identifier: Apache-2.0
// Values as Python writes them.
#pragma once

#include <string>

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

std::string to_text(const Value& value);  // str(): what {{ }} prints
std::string repr(const Value& value);
std::string repr_text(std::string_view text);
std::string repr_float(double number);  // the shortest text that reads back as it

}  // namespace kvhost::jinja
