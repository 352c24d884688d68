// SPDX-License-Identifier: Apache-2.0
// Values from and to JSON as Python's json module has them.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

// Keeps the order of keys and tells 1 from 1.0. Throws kvhost::Error(BadRequest) that names `name`,
// line and column.
Value parse_json_value(std::string_view text, const std::string& name);

struct JsonStyle {
  bool ascii = false;
  bool sorted = false;
  bool indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};
std::string to_json(const Value& value, const JsonStyle& style);

}  // namespace kvhost::jinja
