// SPDX-License-Identifier: Apache-2.0
#include "method/whole_keys.hpp"

#include <cstring>
#include <span>

#include "base/channels.hpp"

namespace kvhost {
namespace {

void spread(const PrunedKeys& keys, const CacheLayout& layout, std::byte* to) {
  const int64_t size = element_size(layout.dtype);
  const auto* from = static_cast<const std::byte*>(keys.rows);
  const std::span<const int32_t> channels(keys.channels, static_cast<size_t>(keys.width));
  for (int64_t i = 0; i < keys.n; ++i)
    spread_channels(from + i * keys.width * size, channels, size, to + i * layout.head_dim * size);
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
    spread(span.pruned, layout, to);
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
