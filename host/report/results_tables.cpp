// SPDX-License-Identifier: Apache-2.0
#include "report/results_tables.hpp"

#include <cmath>
#include <vector>

#include "report/results_places.hpp"
#include "report/table.hpp"

namespace kvhost {

using results::Line;

namespace {

using Cells = std::vector<std::string>;

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

Cells row_of(const Line& line) {
  Cells row = {arm_title(line),
               share_text(line.budget),
               or_dash(mean_text(line.value.mean, line.value.half)),
               or_dash(half_text(line.value.half))};
  if (line.difference) {
    row.push_back(or_dash(signed_text(line.difference->mean, line.difference->half)));
    row.push_back(or_dash(half_text(line.difference->half)));
  } else {
    row.insert(row.end(), {line.is_baseline ? "baseline" : "-", "-"});
  }
  row.push_back(std::to_string(line.value.n));
  row.push_back(or_dash(bytes_text(line.bytes)));
  return row;
}

}  // namespace

void print_results(std::ostream& out, const Ink& ink, std::span<const Line> lines) {
  bool is_first = true;
  for (const ResultPlace& place : places_of(lines)) {
    if (!is_first) out << '\n';
    is_first = false;
    out << ink.bold(place_title(place.first())) << '\n'
        << ink.dim(place_where(place.first())) << '\n';
    std::vector<Cells> rows = {
        {"arm", "kept", "mean", "95% +-", "difference", "95% +-", "n", "bytes"}};
    for (const Line* line : place.lines) rows.push_back(row_of(*line));
    print_table(out, ink, rows, /*with_head=*/true);
  }
}

}  // namespace kvhost
