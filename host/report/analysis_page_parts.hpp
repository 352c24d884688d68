// SPDX-License-Identifier: Apache-2.0
// The figures of the page of an analysis.
#pragma once

#include "measure/analysis_report.hpp"
#include "report/results_page_parts.hpp"

namespace kvhost::analysis_html {

using results_html::Figures;

// Bars of each layer's rank, with the spread over texts.
void draw_ranks(Figures& figures, const AnalysisReport& report);
// Every text's layers beside the mean of all.
void draw_texts(Figures& figures, const AnalysisReport& report);
// Curves of some layers over the length.
void draw_lengths(Figures& figures, const AnalysisReport& report);
// Entries of each layer by strategy: bars, or curves where bars would be too many.
void draw_strategies(Figures& figures, const AnalysisReport& report);
// Misplaced entries and time against length, with the goals.
void draw_estimates(Figures& figures, const AnalysisReport& report);
// Where the entries of the estimates go wrong: by layer, at the longest length.
void draw_layer_errors(Figures& figures, const AnalysisReport& report);

}  // namespace kvhost::analysis_html
