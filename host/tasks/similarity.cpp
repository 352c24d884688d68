// SPDX-License-Identifier: Apache-2.0
// How alike two texts are, in characters: rapidfuzz's ratio, and fuzzywuzzy's over Levenshtein.
#include <algorithm>
#include <cmath>

#include "tasks/metric_rules.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

size_t common_subsequence(const std::u32string& x, const std::u32string& y) {
  std::vector<size_t> row(y.size() + 1, 0);  // of the characters of x so far
  for (const char32_t c : x) {
    size_t diagonal = 0;
    for (size_t j = 1; j <= y.size(); ++j) {
      const size_t above = row[j];
      row[j] = c == y[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

// The first line without `, # or //; "" when there is none.
std::string first_code_line(const std::string& text) {
  const size_t begin = text.find_first_not_of('\n');
  for (const std::string& line : split(begin == std::string::npos ? "" : text.substr(begin), '\n'))
    if (line.find_first_of("`#") == std::string::npos && line.find("//") == std::string::npos)
      return line;
  return "";
}

}  // namespace

double edit_similarity(const std::string& prediction, const std::string& reference) {
  const std::u32string x = characters(prediction), y = characters(reference);
  if (x.empty() && y.empty()) return 1;
  if (x.empty() || y.empty()) return 0;
  const auto length = static_cast<double>(x.size() + y.size());
  const double n_edits = length - 2 * static_cast<double>(common_subsequence(x, y));
  return 1 - n_edits / length;
}

double code_similarity(const std::string& prediction, const std::string& reference) {
  // nearbyint rounds halves to even, as Python does.
  return std::nearbyint(100 * edit_similarity(first_code_line(prediction), reference)) / 100;
}

}  // namespace kvhost::tasks
