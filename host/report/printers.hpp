// SPDX-License-Identifier: Apache-2.0
// A run report for people: what was kept, what it cost, how it compares with the full cache.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "measure/run_report.hpp"
#include "report/ink.hpp"

namespace kvhost {

// Everything below one after the other.
void print_report(std::ostream& out, const Ink& ink, const RunReport& report);

// "keep_ratio 0.250: 406 of 1624 entries per head, 9744 in all"
std::string budget_line(const BudgetReport& budget, int64_t n_prompt_tokens);

// Model, composition, budget, memory and time, a line each; warnings last.
void print_summary(std::ostream& out, const Ink& ink, const RunReport& report);

// The kept share of every layer (rows) and KV head (columns), the budget of the layer and what its
// allocator observed. Layers and heads are binned to fit the width. Nothing when all heads keep
// everything.
void print_picture(std::ostream& out, const Ink& ink, const RunReport& report);

// full | compressed | ratio. Nothing unless the full cache was run too.
void print_comparison(std::ostream& out, const Ink& ink, const RunReport& report);

}  // namespace kvhost
