// SPDX-License-Identifier: Apache-2.0
// Columns of text aligned by what a terminal shows.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "report/ink.hpp"

namespace kvhost {

// Cells a terminal uses for UTF-8 `text`: escape sequences count 0, every code point 1.
size_t shown_width(const std::string& text);
std::string pad_left(const std::string& text, size_t width);
std::string pad_right(const std::string& text, size_t width);

// The first column is aligned left, the others right. The first row is the head when `with_head`.
void print_table(std::ostream& out,
                 const Ink& ink,
                 const std::vector<std::vector<std::string>>& rows,
                 bool with_head);

// Numbers as people read them: "12.3 ms", "4.1 s"; "-" when not finite.
std::string format_ms(double ms);
std::string format_number(double value, int decimals);
std::string format_percent(double share);  // 0.254 -> "25.4%"

}  // namespace kvhost
