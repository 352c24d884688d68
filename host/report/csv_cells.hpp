// SPDX-License-Identifier: Apache-2.0
// Lines of comma-separated values (RFC 4180).
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "results/cell.hpp"

namespace kvhost {

// A cell in quotes where it needs them. One that a spreadsheet would take for a formula stays as
// it is: the file is data.
void csv_line(std::ostream& out, const std::vector<std::string>& cells);
std::string csv_number(double value);  // the shortest that reads back equal; "" for NaN, "inf"
std::string better_word(results::Better better);  // "higher", "lower", ""

}  // namespace kvhost
