// SPDX-License-Identifier: Apache-2.0
// Mean and variance of what each entry gets from the last queries: what CAKE's scorer and its
// division over layers both look at.
#pragma once

#include <kvhost/sdk.hpp>

namespace kvhost::scorers {

struct ColumnSpread {
  std::vector<double> mean, variance;  // [n]; unbiased, 0 of a single row
};

// Of the first `n` entries, over the rows of slice `g` of [group_size, W, n_entries].
inline ColumnSpread column_spread(const sdk::Cube& rows, int64_t g, int64_t n) {
  ColumnSpread out{std::vector<double>(static_cast<size_t>(n)),
                   std::vector<double>(static_cast<size_t>(n))};
  const auto w = static_cast<double>(rows.rows());
  std::vector<float> scratch;
  for (int64_t r = 0; r < rows.rows(); ++r) {
    const float* row = rows.row(g, r, scratch);
    for (size_t i = 0; i < out.mean.size(); ++i) out.mean[i] += row[i] / w;
  }
  for (int64_t r = 0; r < rows.rows() && w > 1; ++r) {
    const float* row = rows.row(g, r, scratch);
    for (size_t i = 0; i < out.mean.size(); ++i) {
      const double off = row[i] - out.mean[i];
      out.variance[i] += off * off / (w - 1);
    }
  }
  return out;
}

}  // namespace kvhost::scorers
