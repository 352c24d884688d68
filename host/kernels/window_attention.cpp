// SPDX-License-Identifier: Apache-2.0
// Softmax rows of some queries over all entries: what observation-window methods score with.
#include <algorithm>

#include "kernels/attention.hpp"
#include "kernels/row_tiles.hpp"

namespace kvhost {
namespace {

constexpr int64_t kTileRows = 64;

}  // namespace

void window_attention(const AttentionShape& shape,
                      const HeadSpan* heads,
                      const void* queries,
                      int64_t first_position,
                      float* const* out) {
  const Visibility seen(shape, heads, first_position);
  const std::vector<RowTile> tiles = tile_rows(shape, kTileRows);
  const int64_t rows_per_head = shape.n_heads / shape.n_kv_heads * shape.q_len;
  const int64_t row_bytes = shape.head_dim * element_size(shape.dtype);
  const auto softmax = current_kernels().softmax[static_cast<int>(shape.dtype)];
  run_tasks(static_cast<int64_t>(tiles.size()),
            scratch_floats(kTileRows, /*n=*/0, shape.head_dim),
            /*small=*/false,
            [&](int64_t t, float* scratch) {
              const RowTile& tile = tiles[static_cast<size_t>(t)];
              const HeadSpan& head = heads[tile.head];
              int32_t row_begin[kTileRows], row_end[kTileRows];
              float row_sink[kTileRows];
              for (int64_t r = 0; r < tile.n_rows; ++r) {
                const Range range = seen.of(tile.head, tile.first_row + r);
                row_begin[r] = static_cast<int32_t>(range.begin);
                row_end[r] = static_cast<int32_t>(range.end);
                row_sink[r] = sink_of(shape, tile, r);
              }
              StretchArgs args;
              args.keys = head.keys;
              args.queries = static_cast<const char*>(queries) +
                             (tile.head * rows_per_head + tile.first_row) * row_bytes;
              args.row_begin = row_begin;
              args.row_end = row_end;
              args.n = head.n;
              args.n_rows = tile.n_rows;
              args.head_dim = args.key_dim = shape.head_dim;
              args.scale = shape.scale;
              args.softcap = shape.softcap;
              place_bias(head, /*first=*/0, args);
              args.row_sink = shape.sinks ? row_sink : nullptr;
              softmax(args, out[tile.head] + tile.first_row * head.n, scratch);
            });
}

}  // namespace kvhost
