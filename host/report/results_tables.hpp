// SPDX-License-Identifier: Apache-2.0
// Results as tables for people and for programs: of lines (means with intervals), and of single
// measurements.
#pragma once

#include <ostream>
#include <span>
#include <string>

#include "report/ink.hpp"
#include "results/summary.hpp"

namespace kvhost {

// A table for each metric of each task.
void print_results(std::ostream& out, const Ink& ink, std::span<const results::Line> lines);

// One table, a line each; numbers as they are, empty where there is none.
void write_results_csv(std::ostream& out, std::span<const results::Line> lines);
void write_results_json(std::ostream& out, std::span<const results::Line> lines);

// A table for each metric of each task, rounded by the interval; LaTeX with the package booktabs.
void write_results_markdown(std::ostream& out, std::span<const results::Line> lines);
void write_results_latex(std::ostream& out, std::span<const results::Line> lines);

// Every measurement with its circumstances, as the view `result` of the file has them.
void write_rows_csv(std::ostream& out, std::span<const results::DoneCell> cells);
void write_rows_json(std::ostream& out, std::span<const results::DoneCell> cells);

}  // namespace kvhost
