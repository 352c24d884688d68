// SPDX-License-Identifier: Apache-2.0
#include "press/whole_keys.hpp"

#include <cstring>

namespace kvhost {
namespace {

template <class T>
void spread(const PrunedKeys& keys, int64_t head_dim, T* to) {
  const T* from = static_cast<const T*>(keys.rows);
  for (int64_t i = 0; i < keys.n; ++i, from += keys.width, to += head_dim)
    for (int64_t c = 0; c < keys.width; ++c)
      if (keys.channels[c] >= 0) to[keys.channels[c]] = from[c];
}

}  // namespace

std::vector<HeadSpan> whole_spans(const KvCache& cache,
                                  int64_t layer,
                                  std::vector<std::byte>& rows) {
  const CacheLayout& layout = cache.layout();
  const int64_t row_bytes = layout.head_dim * element_size(layout.dtype);
  std::vector<HeadSpan> spans;
  int64_t total = 0;
  bool pruned = false;
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
    spans.push_back(cache.head(layer, h));
    total += spans.back().n * row_bytes;
    pruned = pruned || spans.back().pruned.n > 0;
  }
  if (!pruned) return spans;
  rows.assign(static_cast<size_t>(total), std::byte{0});
  std::byte* to = rows.data();
  for (HeadSpan& span : spans) {
    if (element_size(layout.dtype) == 4)
      spread(span.pruned, layout.head_dim, reinterpret_cast<uint32_t*>(to));
    else
      spread(span.pruned, layout.head_dim, reinterpret_cast<uint16_t*>(to));
    const int64_t n_whole = span.n - span.pruned.n;
    if (n_whole > 0)
      std::memcpy(
          to + span.pruned.n * row_bytes, span.keys, static_cast<size_t>(n_whole * row_bytes));
    span.keys = to;
    span.pruned = {};
    to += span.n * row_bytes;
  }
  return spans;
}

}  // namespace kvhost
