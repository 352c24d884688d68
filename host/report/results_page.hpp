// SPDX-License-Identifier: Apache-2.0
// Results as a page: one file that needs no network; tables for reading need no JavaScript.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "results/summary.hpp"

namespace kvhost {

struct ResultsView {
  std::string title;  // "quick, leaderboard"
  std::string made;   // "2026-11-27, kvhost 0.1.0"
  std::vector<results::DoneCell> cells;
  std::vector<results::Line> lines;  // of these cells
};

// A leaderboard that sorts and filters; for each metric of each task figures, heat map and grids.
// Where gnuplot is not there the page says so and has the tables.
void write_results_page(std::ostream& out, const ResultsView& view);

}  // namespace kvhost
