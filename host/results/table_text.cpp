// SPDX-License-Identifier: Apache-2.0
#include "results/table_text.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

namespace kvhost::results {

namespace {

std::string unquoted(std::string value) {
  while (!value.empty() && (value.back() == ' ' || value.back() == '\r')) value.pop_back();
  const size_t n = value.size();
  if (n >= 2 && (value[0] == '\'' || value[0] == '"') && value[n - 1] == value[0])
    return value.substr(1, n - 2);
  return value == "null" || value == "~" ? "" : value;
}

// Reads one row from `at` on; false at the end.
bool read_row(const std::string& csv, size_t& at, std::vector<std::string>& row) {
  row.assign(1, "");
  if (at >= csv.size()) return false;
  for (bool quoted = false; at < csv.size(); ++at) {
    const char c = csv[at];
    if (quoted) {
      if (c != '"')
        row.back() += c;
      else if (at + 1 < csv.size() && csv[at + 1] == '"')
        row.back() += csv[++at];
      else
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      row.emplace_back();
    } else if (c == '\n') {
      ++at;
      break;
    } else if (c != '\r') {
      row.back() += c;
    }
  }
  return true;
}

}  // namespace

std::map<std::string, std::string> flat_yaml(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (line.empty() || line[0] == ' ' || line[0] == '#' || colon == std::string::npos) continue;
    out[line.substr(0, colon)] = unquoted(line.substr(colon + 2));
  }
  return out;
}

std::map<std::string, int64_t> count_by_column(const std::string& csv, const std::string& column) {
  std::map<std::string, int64_t> counts;
  std::vector<std::string> row;
  size_t at = 0;
  if (!read_row(csv, at, row)) return counts;
  const size_t index = std::find(row.begin(), row.end(), column) - row.begin();
  const bool is_there = index < row.size();
  while (read_row(csv, at, row)) ++counts[is_there && index < row.size() ? row[index] : ""];
  return counts;
}

}  // namespace kvhost::results
