// SPDX-License-Identifier: Apache-2.0
// Budgets are integers: entries, never ratios. One rule turns what the user asked for into them.
#pragma once

#include <cstdint>
#include <vector>

#include "measure/run_report.hpp"

namespace kvhost {

// What a user asked to be kept, of a prompt of any length.
struct BudgetRule {
  enum class Mode { KeepRatio, CompressionRatio, Entries };
  Mode mode = Mode::KeepRatio;
  double value = 0.25;    // a share in (0, 1], a share in [0, 1), or entries per head
  bool defaulted = true;  // nobody asked for it
  // A ratio leaves at least this many entries per head: of so short a prompt, compression saves
  // nothing worth having.
  int64_t min_entries = 0;
};

// Entries each KV head keeps on average out of `kv_len` (>= 1, <= kv_len), and how that was asked
// for. `none`: nothing is compressed.
BudgetReport resolve_budget(
    const BudgetRule& rule, bool none, int64_t kv_len, int64_t n_layers, int64_t n_kv_heads);

// Totals after each of `n` selections one after the other, from `full` entries down to exactly
// `total`: each keeps the same share of what the one before it left.
std::vector<int64_t> stage_totals(int64_t full, int64_t total, size_t n);

// Divides `total` in proportion to `shares` (>= 0) between floors and caps; the sum is exact.
// Largest remainder; what a floor or cap takes is spread over the others (water-filling); ties go
// to the lower index. Needs sum(floors) <= total <= sum(caps). Shares that are all 0 count as
// equal.
std::vector<int64_t> apportion(int64_t total,
                               const std::vector<double>& shares,
                               const std::vector<int64_t>& floors,
                               const std::vector<int64_t>& caps);

}  // namespace kvhost
