// SPDX-License-Identifier: Apache-2.0
// Effective rank of an attention matrix: exp of the entropy of its normalised singular values.
// Paper: Roy and Vetterli, "The effective rank" (EUSIPCO 2007).
#pragma once

#include <kvhost/layer.hpp>
#include <string>

namespace kvhost::allocators {

// Which rows of the attention are looked at: all of them (SVD, O(T^3)), the last ones, or ones
// spread over the prompt.
enum class RankRows { All, Last, Spread };

struct RankOptions {
  RankRows rows = RankRows::Spread;
  int64_t n_rows = 128;  // of the last or spread ones
  std::string aggregation =
      "mean";  // of heads: mean of the maps, or per_head (mean), median, max, min of the ranks
  bool normalize = true;  // by the shorter side, so that the largest value is 1
};

// [prefill] One number for the layer. Singular values of at most 1e-10 do not count. Of spread
// rows, the rank of all rows is extrapolated: the growth from every other row to every row is
// continued as a power law. Rationale: the last rows miss that distant rows repeat each other
// (rank_estimator_study.py has the figures).
double layer_effective_rank(const sdk::Layer& layer, const RankOptions& options);

}  // namespace kvhost::allocators
