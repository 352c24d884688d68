// SPDX-License-Identifier: Apache-2.0
#include "report/table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kvhost {

size_t shown_width(const std::string& text) {
  size_t width = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\033') escape = true;
    if (!escape && (static_cast<unsigned char>(c) & 0xC0) != 0x80) ++width;
    if (escape && c == 'm') escape = false;
  }
  return width;
}

std::string pad_left(const std::string& text, size_t width) {
  return std::string(width - std::min(width, shown_width(text)), ' ') + text;
}

std::string pad_right(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, shown_width(text)), ' ');
}

void print_table(std::ostream& out,
                 const Ink& ink,
                 const std::vector<std::vector<std::string>>& rows,
                 bool with_head) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], shown_width(row[i]));
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line = "  ";
    for (size_t i = 0; i < rows[r].size(); ++i)
      line += i == 0 ? pad_right(rows[r][i], widths[i]) : "  " + pad_left(rows[r][i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out << (with_head && r == 0 ? ink.dim(line) : line) << '\n';
  }
}

std::string format_number(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string format_ms(double ms) {
  if (!std::isfinite(ms)) return "-";
  if (ms >= 10000) return format_number(ms / 1000, 1) + " s";
  return format_number(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0) + " ms";
}

std::string format_percent(double share) {
  return std::isfinite(share) ? format_number(100 * share, 1) + "%" : "-";
}

}  // namespace kvhost
