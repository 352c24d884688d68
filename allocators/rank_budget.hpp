// SPDX-License-Identifier: Apache-2.0
// From effective ranks to budgets: RankKV's strategies as real shares, and the original system's
// integers bit for bit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kvhost::allocators {

struct RankStrategy {
  // proportional, softmax, adaptive, power; or an ablation of proportional: uniform, inverse,
  // random
  std::string name = "proportional";
  double temperature = 1.0;      // softmax
  double power = 2.0;            // power
  double low_rank_ratio = 0.5;   // adaptive: weight below the low percentile
  double high_rank_ratio = 1.5;  // adaptive: weight above the high percentile
  double percentile_low = 25;
  double percentile_high = 75;
  uint64_t seed = 42;  // random
};

// Whether a layer's share can only shrink when ranks of later layers join.
bool is_monotone(const RankStrategy& strategy);

// Real shares on a common scale, one per rank.
std::vector<double> rank_shares(const std::vector<double>& ranks, const RankStrategy& strategy);

// The original's integers: shares truncated, clamped, and the difference handed out one by one,
// where a visit that is blocked by a clamp is lost. So the sum differs from `total` when clamps
// bind.
std::vector<int64_t> seed_budgets(const std::vector<double>& ranks,
                                  int64_t total,
                                  const RankStrategy& strategy,
                                  int64_t min_budget,
                                  std::optional<int64_t> max_budget);

// A permutation of 0..n-1: CPython's random.seed(seed) followed by random.shuffle(list(range(n))).
std::vector<size_t> cpython_shuffle(size_t n, uint64_t seed);

// For each index, the index whose value it receives when the sorted values are handed out in
// reverse.
std::vector<size_t> inverse_order(const std::vector<double>& values);

}  // namespace kvhost::allocators
