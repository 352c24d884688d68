// SPDX-License-Identifier: Apache-2.0
#include "text_table.hpp"

#include <algorithm>
#include <sstream>

namespace kvhost::registry {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 24;  // a last column keeps this much, even beyond the page

// Characters of UTF-8: every byte that does not continue one.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (width_of(line) + 1 + width_of(word) <= width) {
      line += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

}  // namespace

std::string table_text(const std::vector<std::vector<std::string>>& rows, size_t indent) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  size_t last_begin = indent;
  for (size_t i = 0; i + 1 < widths.size(); ++i) last_begin += widths[i] + kGap;
  const size_t last_width = std::max(kNarrowest, kPageWidth - std::min(kPageWidth, last_begin));

  std::string text;
  for (const auto& row : rows) {
    std::string line(indent, ' ');
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      line += row[i] + std::string(widths[i] + kGap - width_of(row[i]), ' ');
    }
    for (const std::string& part : wrap(row.back(), last_width)) {
      line += part;
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      line.assign(last_begin, ' ');
    }
  }
  return text;
}

std::string paragraph_text(const std::string& text, size_t indent) {
  return table_text({{text}}, indent);
}

}  // namespace kvhost::registry
