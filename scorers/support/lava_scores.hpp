// SPDX-License-Identifier: Apache-2.0
// LAVa's scores (arXiv:2509.09754): attention of the last queries, pooled, times how large a value
// of the head can be. What its scorer and its division over layers both look at.
#pragma once

#include <cmath>
#include <kvhost/sdk.hpp>

namespace kvhost::scorers {

struct LavaSettings {
  explicit LavaSettings(const sdk::Args& args)
      : window_size(args.integer("window_size")), kernel_size(args.integer("kernel_size")) {}

  static sdk::Description& add(sdk::Description& description) {
    return description
        .param(sdk::integer("window_size", 32)
                   .min(1)
                   .max(4096)
                   .unit("tokens")
                   .doc("How many of the last queries vote; their own entries always stay"))
        .param(sdk::integer("kernel_size", 7).min(1).max(4095).odd().unit("tokens").doc(
            "Width of the pooling by maximum"))
        .uses(KVH_T_WINDOW_ATTENTION);
  }

  int64_t window_size, kernel_size;
};

// [n] of the first `n` entries, those before the window.
inline std::vector<float> lava_scores(const sdk::Head& head,
                                      int64_t n,
                                      const LavaSettings& settings) {
  const auto size = static_cast<size_t>(n);
  const sdk::Cube rows = head.window_attention();  // [group_size, W, n_entries]
  const sdk::Matrix values = head.values();        // [n_entries, d]
  std::vector<float> out(size), votes(size), pooled(size), scratch;
  double largest = 0;  // L1 norm of a value
  for (int64_t i = 0; i < n; ++i) {
    const float* value = values.row(i, scratch);
    double norm = 0;
    for (int64_t j = 0; j < values.cols(); ++j) norm += std::fabs(value[j]);
    largest = std::max(largest, norm);
  }
  for (int64_t g = 0; g < rows.slices(); ++g) {
    std::fill(votes.begin(), votes.end(), 0.0f);
    for (int64_t w = 0; w < rows.rows(); ++w) {
      const float* row = rows.row(g, w, scratch);
      for (size_t i = 0; i < size; ++i) votes[i] += row[i] / static_cast<float>(rows.rows());
    }
    sdk::max_pool(votes.data(), n, settings.kernel_size, pooled.data());
    for (size_t i = 0; i < size; ++i)
      out[i] = std::max(out[i], pooled[i] * static_cast<float>(largest));
  }
  return out;
}

}  // namespace kvhost::scorers
