// SPDX-License-Identifier: Apache-2.0
// Queries and keys from before their rotation, as float32 matrices.
#pragma once

#include <kvhost/torch.hpp>

namespace kvhost::scorers {

// The captured queries of all heads with their positions: row i is the token n_seen - rows() + i.
class QueryRows {
 public:
  QueryRows(const sdk::Layer& layer, int64_t n_sink)
      : queries_(layer.get(KVH_T_QUERY_WINDOW)),
        first_(layer.n_seen() - queries_.rows()),
        skipped_(std::clamp<int64_t>(n_sink - first_, 0, queries_.rows())),
        rope_(layer, first_ + skipped_, queries_.rows() - skipped_) {}

  // Rows at position n_sink or later.
  int64_t size() const { return queries_.rows() - skipped_; }

  // [size(), d] of query head j, rotation undone.
  at::Tensor before_rotation(int64_t j) const {
    const int64_t d = queries_.cols();
    at::Tensor rows = at::empty({size(), d}, at::kFloat);
    std::vector<float> scratch;
    for (int64_t i = 0; i < size(); ++i) {
      rope_.unrotate(queries_.row(j, skipped_ + i, scratch),
                     d,
                     first_ + skipped_ + i,
                     rows.data_ptr<float>() + i * d);
    }
    return rows;
  }

 private:
  sdk::Cube queries_;  // [n_heads, W, d] RoPE applied
  int64_t first_, skipped_;
  sdk::RopeTable rope_;
};

}  // namespace kvhost::scorers
