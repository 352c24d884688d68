// SPDX-License-Identifier: Apache-2.0
// Budgets that do not come from exact ranks, held against those that do, text by text.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "analysis/summary.hpp"
#include "measure/analysis_report.hpp"

namespace kvhost::analysis {

// Ranks of a text and the entries they come to. `ranks` may be empty: there are none.
struct Divided {
  Profile ranks;                 // [n_layers]
  std::vector<int64_t> entries;  // [n_layers] over all KV heads
};

// One estimate at one length, as texts come in.
class EstimateTally {
 public:
  explicit EstimateTally(BudgetEstimate about) : about_(std::move(about)) {}

  void add(const Divided& estimate, const Divided& exact);
  void add_times(double ms, double model_ms);
  BudgetEstimate result() const;

 private:
  BudgetEstimate about_;
  std::vector<Profile> ranks_, errors_;  // by text
  std::vector<Similarity> similar_;
  std::vector<double> misplaced_, ms_, model_ms_, shares_;
};

}  // namespace kvhost::analysis
