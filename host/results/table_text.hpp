// SPDX-License-Identifier: Apache-2.0
// The little of YAML and CSV that is needed to read what kvpress wrote.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace kvhost::results {

// "key: value" at the left margin, as yaml.dump writes scalars; quotes are taken off, null is "".
// Nested values are left out.
std::map<std::string, std::string> flat_yaml(const std::string& text);

// How many rows (RFC 4180, the first is the head) have each value in `column`; all rows under ""
// where there is no such column.
std::map<std::string, int64_t> count_by_column(const std::string& csv, const std::string& column);

}  // namespace kvhost::results
