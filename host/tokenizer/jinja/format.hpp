// SPDX-License-Identifier: Apache-2.0
// str.format(), the % operator, and the format specifications of both.
#pragma once

#include <string>

#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

Value format_braces(Runtime& runtime, const Value& self, const Arguments& arguments);
Value format_percent(const Value& self, const Value& values);

// [[fill]align][sign][#][0][width][,][.precision][type]
struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';
  bool alternate = false, grouped = false;
  int64_t width = 0, precision = -1;
  char type = '\0';
};
FormatSpec parse_format_spec(const std::string& text);
std::string format_value(const Value& value, const FormatSpec& spec);

}  // namespace kvhost::jinja
