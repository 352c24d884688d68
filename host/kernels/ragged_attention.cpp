// SPDX-License-Identifier: Apache-2.0
// Attention over ragged heads, split by tokens: every head is cut into stretches of about the same
// number of entries, which threads take from one queue; the partial softmaxes are merged at the
// end.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/attention.hpp"
#include "kernels/narrow.hpp"
#include "kernels/pruned_queries.hpp"
#include "kernels/row_tiles.hpp"

namespace kvhost {
namespace {

// entries; long enough to hide the merge, short enough to balance
constexpr int64_t kFewStretch = 512;
constexpr int64_t kManyStretch = 1024;  // with many rows the partial results weigh more
constexpr int64_t kTileRows = 64;
constexpr int64_t kSmallWork = 1 << 16;  // elements of keys below which one thread is faster

struct Stretch {
  int64_t tile = 0;
  Range entries;
  // where its results begin: max [n_rows], sum [n_rows], acc [n_rows, padded(head_dim)]
  int64_t partial = 0;
};

class RaggedAttention {
 public:
  RaggedAttention(const AttentionShape& shape,
                  const HeadSpan* heads,
                  const void* queries,
                  int64_t first_position)
      : shape_(shape),
        heads_(heads),
        seen_(shape, heads, first_position),
        pruned_queries_(shape, heads, queries),
        row_floats_(padded(shape.head_dim)),
        rows_per_head_(shape.n_heads / shape.n_kv_heads * shape.q_len) {
    tiles_ = tile_rows(shape, rows_per_head_ <= kFewRows ? kFewRows : kTileRows);
    cut();
  }

  void run(const void* queries, void* out);

 private:
  void cut();
  StretchResult result_of(const Stretch& stretch, float* partials) const;
  void add_stretches(int64_t tile, Range entries);
  void place_inputs(const Stretch& stretch, const void* queries, StretchArgs& args) const;
  void attend(const Stretch& stretch, const void* queries, float* partials, float* scratch) const;
  void merge(int64_t tile, float* partials, void* out, float* row) const;
  int64_t byte_of_row(const RowTile& tile, int64_t r) const {
    return (tile.head * rows_per_head_ + tile.first_row + r) * shape_.head_dim *
           element_size(shape_.dtype);
  }

  AttentionShape shape_;
  const HeadSpan* heads_;
  Visibility seen_;
  PrunedQueries pruned_queries_;
  int64_t row_floats_, rows_per_head_;
  std::vector<RowTile> tiles_;
  std::vector<Stretch> stretches_;
  std::vector<size_t> first_stretch_;  // of each tile, and the end
  int64_t partial_floats_ = 0, longest_ = 0, work_ = 0;
};

void RaggedAttention::cut() {
  for (size_t t = 0; t < tiles_.size(); ++t) {
    first_stretch_.push_back(stretches_.size());
    const Range hull = seen_.hull(tiles_[t]);
    const int64_t whole = std::clamp(heads_[tiles_[t].head].pruned.n, hull.begin, hull.end);
    add_stretches(static_cast<int64_t>(t), {hull.begin, whole});
    add_stretches(static_cast<int64_t>(t), {whole, hull.end});
  }
  first_stretch_.push_back(stretches_.size());
}

void RaggedAttention::add_stretches(int64_t tile, Range entries) {
  const int64_t most = rows_per_head_ <= kFewRows
                           ? kFewStretch
                           : std::clamp<int64_t>(shape_.q_len, kManyStretch, 4 * kManyStretch);
  const int64_t n_rows = tiles_[static_cast<size_t>(tile)].n_rows;
  const int64_t n = entries.end - entries.begin;
  const int64_t pieces = (n + most - 1) / most;
  for (int64_t i = 0; i < pieces; ++i) {
    const Range piece{entries.begin + n * i / pieces, entries.begin + n * (i + 1) / pieces};
    stretches_.push_back({tile, piece, partial_floats_});
    partial_floats_ += n_rows * (2 + row_floats_);
    longest_ = std::max(longest_, piece.end - piece.begin);
  }
  work_ += n * n_rows * shape_.head_dim;
}

StretchResult RaggedAttention::result_of(const Stretch& stretch, float* partials) const {
  const int64_t n_rows = tiles_[static_cast<size_t>(stretch.tile)].n_rows;
  float* first = partials + stretch.partial;
  return {first, first + n_rows, first + 2 * n_rows};
}

// A stretch lies wholly before or wholly behind the end of the pruned keys.
void RaggedAttention::place_inputs(const Stretch& stretch,
                                   const void* queries,
                                   StretchArgs& args) const {
  const RowTile& tile = tiles_[static_cast<size_t>(stretch.tile)];
  const HeadSpan& head = heads_[tile.head];
  const int64_t size = element_size(shape_.dtype), first = stretch.entries.begin;
  args.values = static_cast<const char*>(head.values) + first * shape_.head_dim * size;
  if (first < head.pruned.n) {
    args.key_dim = head.pruned.width;
    args.keys = static_cast<const char*>(head.pruned.rows) + first * head.pruned.width * size;
    args.queries = pruned_queries_.row(tile.head, tile.first_row);
  } else {
    args.key_dim = shape_.head_dim;
    args.keys =
        static_cast<const char*>(head.keys) + (first - head.pruned.n) * shape_.head_dim * size;
    args.queries = static_cast<const char*>(queries) + byte_of_row(tile, 0);
  }
}

void RaggedAttention::attend(const Stretch& stretch,
                             const void* queries,
                             float* partials,
                             float* scratch) const {
  const RowTile& tile = tiles_[static_cast<size_t>(stretch.tile)];
  const auto [begin, end] = stretch.entries;
  int32_t row_begin[kTileRows], row_end[kTileRows];
  for (int64_t r = 0; r < tile.n_rows; ++r) {
    const Range range = seen_.of(tile.head, tile.first_row + r);
    row_begin[r] = static_cast<int32_t>(std::clamp(range.begin, begin, end) - begin);
    row_end[r] = static_cast<int32_t>(std::clamp(range.end, begin, end) - begin);
  }
  StretchArgs args;
  place_inputs(stretch, queries, args);
  args.row_begin = row_begin;
  args.row_end = row_end;
  args.n = end - begin;
  args.n_rows = tile.n_rows;
  args.head_dim = shape_.head_dim;
  args.scale = shape_.scale;
  args.softcap = shape_.softcap;
  place_bias(heads_[tile.head], begin, args);
  current_kernels().stretch[static_cast<int>(shape_.dtype)](
      args, result_of(stretch, partials), scratch);
}

// Rows that see nothing come out as zeros. A sink weighs in the sum and adds nothing.
void RaggedAttention::merge(int64_t tile, float* partials, void* out, float* row) const {
  const size_t first = first_stretch_[static_cast<size_t>(tile)];
  const size_t last = first_stretch_[static_cast<size_t>(tile) + 1];
  for (int64_t r = 0; r < tiles_[static_cast<size_t>(tile)].n_rows; ++r) {
    const float sink = sink_of(shape_, tiles_[static_cast<size_t>(tile)], r);
    float max = sink;
    for (size_t s = first; s < last; ++s) {
      max = std::max(max, result_of(stretches_[s], partials).max[r]);
    }
    float sum = shape_.sinks ? std::exp(sink - max) : 0;
    std::fill(row, row + shape_.head_dim, 0.0f);
    for (size_t s = first; s < last; ++s) {
      const StretchResult part = result_of(stretches_[s], partials);
      if (part.sum[r] > 0) {
        const float weight = std::exp(part.max[r] - max);
        sum += weight * part.sum[r];
        for (int64_t c = 0; c < shape_.head_dim; ++c) {
          row[c] += weight * part.acc[r * row_floats_ + c];
        }
      }
    }
    for (int64_t c = 0; sum > 0 && c < shape_.head_dim; ++c) {
      row[c] /= sum;
    }
    narrow(row,
           shape_.head_dim,
           shape_.dtype,
           static_cast<char*>(out) + byte_of_row(tiles_[static_cast<size_t>(tile)], r));
  }
}

void RaggedAttention::run(const void* queries, void* out) {
  thread_local std::vector<float> partials;
  if (static_cast<int64_t>(partials.size()) < partial_floats_) {
    partials.resize(static_cast<size_t>(partial_floats_));
  }
  float* results = partials.data();  // not the thread_local itself: other threads write here
  const int64_t scratch =
      scratch_floats(rows_per_head_ <= kFewRows ? kFewRows : kTileRows, longest_, shape_.head_dim);
  run_tasks(static_cast<int64_t>(stretches_.size()),
            scratch,
            work_ < kSmallWork,
            [&](int64_t s, float* mine) {
              attend(stretches_[static_cast<size_t>(s)], queries, results, mine);
            });
  run_tasks(static_cast<int64_t>(tiles_.size()),
            row_floats_,
            partial_floats_ < kSmallWork,
            [&](int64_t tile, float* row) { merge(tile, results, out, row); });
}

}  // namespace

void ragged_attention(const AttentionShape& shape,
                      const HeadSpan* heads,
                      const void* queries,
                      int64_t first_position,
                      void* out) {
  RaggedAttention(shape, heads, queries, first_position).run(queries, out);
}

}  // namespace kvhost
