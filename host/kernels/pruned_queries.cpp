// SPDX-License-Identifier: Apache-2.0
#include "kernels/pruned_queries.hpp"

#include <algorithm>
#include <span>

#include "base/channels.hpp"

namespace kvhost {
PrunedQueries::PrunedQueries(const AttentionShape& shape,
                             const HeadSpan* heads,
                             const void* queries) {
  const auto is_pruned = [](const HeadSpan& head) { return head.pruned.n > 0; };
  if (std::none_of(heads, heads + shape.n_kv_heads, is_pruned)) return;
  const int64_t n_rows = shape.n_heads / shape.n_kv_heads * shape.q_len,
                size = element_size(shape.dtype), row_bytes = shape.head_dim * size;
  int64_t total = 0;
  for (int64_t h = 0; h < shape.n_kv_heads; ++h) {
    heads_.push_back({total, heads[h].pruned.width * size});
    total += n_rows * heads_.back().row_bytes;
  }
  bytes_.resize(static_cast<size_t>(total));
  for (int64_t h = 0; h < shape.n_kv_heads; ++h) {
    const PrunedKeys& keys = heads[h].pruned;
    const std::span<const int32_t> channels(keys.channels, static_cast<size_t>(keys.width));
    const auto* from = static_cast<const std::byte*>(queries) + h * n_rows * row_bytes;
    std::byte* to = bytes_.data() + heads_[static_cast<size_t>(h)].begin;
    for (int64_t r = 0; r < n_rows; ++r)
      pick_channels(from + r * row_bytes, channels, size, to + r * keys.width * size);
  }
}

const void* PrunedQueries::row(int64_t head, int64_t r) const {
  const Rows& rows = heads_[static_cast<size_t>(head)];
  return bytes_.data() + rows.begin + r * rows.row_bytes;
}

}  // namespace kvhost
