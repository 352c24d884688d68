// SPDX-License-Identifier: Apache-2.0
// Effective rank of an attention matrix: exp of the entropy of its normalised singular values.
// Paper: Roy and Vetterli, "The effective rank" (EUSIPCO 2007).
#pragma once

#include <string>

#include <kvhost/layer.hpp>

namespace kvhost::allocators {

struct RankOptions {
  bool exact = false;                // SVD of the whole attention; otherwise the Gram matrix of its last rows
  std::string aggregation = "mean";  // of heads: mean of the maps, or per_head (mean), median, max, min of the ranks
  bool normalize = true;             // by the shorter side, so that the largest value is 1
};

// [prefill] One number for the layer. Singular values of at most 1e-10 do not count.
double layer_effective_rank(const sdk::Layer& layer, const RankOptions& options);

}  // namespace kvhost::allocators
