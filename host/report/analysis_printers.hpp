// SPDX-License-Identifier: Apache-2.0
// An analysis of a model's attention, as text and as a page.
#pragma once

#include <iosfwd>
#include <string>

#include "measure/analysis_report.hpp"
#include "report/ink.hpp"

namespace kvhost {

void print_analysis(std::ostream& out, const Ink& ink, const AnalysisReport& report);

// One file that needs no network; `made`: "2026-11-27, kvhost 0.1.0". Where gnuplot is not there
// the page says so and has the tables.
void write_analysis_page(std::ostream& out, const AnalysisReport& report, const std::string& made);

}  // namespace kvhost
