// SPDX-License-Identifier: Apache-2.0
#include "kernels/pruned_queries.hpp"

#include <algorithm>

namespace kvhost {
namespace {

template <class T>
void pick(const PrunedKeys& keys, const T* from, int64_t n_rows, int64_t head_dim, T* to) {
  for (int64_t r = 0; r < n_rows; ++r, from += head_dim, to += keys.width)
    for (int64_t i = 0; i < keys.width; ++i)
      to[i] = keys.channels[i] < 0 ? T{0} : from[keys.channels[i]];
}

}  // namespace

PrunedQueries::PrunedQueries(const AttentionShape& shape,
                             const HeadSpan* heads,
                             const void* queries) {
  const auto is_pruned = [](const HeadSpan& head) { return head.pruned.n > 0; };
  if (std::none_of(heads, heads + shape.n_kv_heads, is_pruned)) return;
  const int64_t n_rows = shape.n_heads / shape.n_kv_heads * shape.q_len,
                size = element_size(shape.dtype);
  int64_t total = 0;
  for (int64_t h = 0; h < shape.n_kv_heads; ++h) {
    heads_.push_back({total, heads[h].pruned.width * size});
    total += n_rows * heads_.back().row_bytes;
  }
  bytes_.resize(static_cast<size_t>(total));
  for (int64_t h = 0; h < shape.n_kv_heads; ++h) {
    const std::byte* from =
        static_cast<const std::byte*>(queries) + h * n_rows * shape.head_dim * size;
    std::byte* to = bytes_.data() + heads_[static_cast<size_t>(h)].begin;
    if (size == 4)
      pick(heads[h].pruned,
           reinterpret_cast<const uint32_t*>(from),
           n_rows,
           shape.head_dim,
           reinterpret_cast<uint32_t*>(to));
    else
      pick(heads[h].pruned,
           reinterpret_cast<const uint16_t*>(from),
           n_rows,
           shape.head_dim,
           reinterpret_cast<uint16_t*>(to));
  }
}

const void* PrunedQueries::row(int64_t head, int64_t r) const {
  const Rows& rows = heads_[static_cast<size_t>(head)];
  return bytes_.data() + rows.begin + r * rows.row_bytes;
}

}  // namespace kvhost
