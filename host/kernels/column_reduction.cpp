// SPDX-License-Identifier: Apache-2.0
#include "kernels/column_reduction.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/parallel.hpp"
#include "kernels/row_tiles.hpp"

namespace kvhost {
namespace {

constexpr int64_t kTileRows = 64;
// Scores of one tile; longer stretches get tiles of fewer rows.
constexpr int64_t kTileScores = int64_t{1} << 20;
// A query head's rows are cut in so many parts at most, which threads share.
constexpr int64_t kParts = 4;
constexpr int64_t kPartRows = 256;

// The entries of one head that stand in the softmax, one after the other.
struct Seen {
  HeadSpan span;
  std::vector<std::byte> keys;
  std::vector<int32_t> positions;
  std::vector<float> biases;
};

// Entries with a bias come first in a head, so they do here.
void gather_biases(const HeadSpan& head, PositionRange entries, Seen& seen) {
  const int64_t end = std::min(entries.end, head.bias.n);
  if (entries.begin < end)
    seen.biases.insert(
        seen.biases.end(), head.bias.rows + entries.begin, head.bias.rows + end);
}

Seen gather(const ColumnReduction& what, const HeadSpan& head) {
  Seen seen;
  if (what.seen.empty()) {
    seen.span = head;
    return seen;
  }
  const int64_t row_bytes = what.shape.head_dim * element_size(what.shape.dtype);
  int64_t n = 0;
  for (const PositionRange& range : what.seen) {
    const PositionRange entries = entries_at(head, range);
    n += entries.end - entries.begin;
  }
  seen.keys.resize(static_cast<size_t>(n * row_bytes));
  for (const PositionRange& range : what.seen) {
    const PositionRange entries = entries_at(head, range);
    if (entries.begin == entries.end) continue;
    const auto done = static_cast<int64_t>(seen.positions.size());
    std::memcpy(seen.keys.data() + done * row_bytes,
                static_cast<const std::byte*>(head.keys) + entries.begin * row_bytes,
                static_cast<size_t>((entries.end - entries.begin) * row_bytes));
    seen.positions.insert(
        seen.positions.end(), head.positions + entries.begin, head.positions + entries.end);
    gather_biases(head, entries, seen);
  }
  seen.span.bias = {seen.biases.data(), std::ssize(seen.biases)};
  seen.span.keys = seen.keys.data();
  seen.span.positions = seen.positions.data();
  seen.span.n = n;
  return seen;
}

class Reducer {
 public:
  explicit Reducer(const ColumnReduction& what)
      : what_(what), shape_(what.shape), seen_(static_cast<size_t>(shape_.n_kv_heads)) {
    parallel_for(shape_.n_kv_heads, /*grain=*/1, [&](int64_t begin, int64_t end) {
      for (int64_t h = begin; h < end; ++h) seen_[h] = gather(what_, what_.heads[h]);
    });
    for (const Seen& seen : seen_) spans_.push_back(seen.span);
    columns_ = entries_at(spans_[0], what.columns);
    n_columns_ = columns_.end - columns_.begin;
    tile_rows_ = std::clamp<int64_t>(
        kTileScores / std::max<int64_t>(spans_[0].n, 1), kFewRows + 1, kTileRows);
    n_parts_ = std::clamp<int64_t>(shape_.q_len / kPartRows, 1, kParts);
    parts_.resize(static_cast<size_t>(shape_.n_heads * n_parts_ * n_columns_), 0.0f);
  }

  void run(float* out) {
    if (n_columns_ == 0) return;
    const Visibility visible(shape_, spans_.data(), what_.first_position);
    const int64_t scratch = scratch_floats(tile_rows_, /*n=*/0, shape_.head_dim);
    const int64_t rows = tile_rows_ * padded(spans_[0].n);
    run_tasks(shape_.n_heads * n_parts_,
              scratch + rows,
              /*small=*/false,
              [&](int64_t task, float* memory) {
                reduce_part(visible, task, memory, memory + padded(scratch));
              });
    join(out);
  }

 private:
  int64_t group() const { return shape_.n_heads / shape_.n_kv_heads; }

  // The rows of one query head that belong to one part, into its own columns.
  void reduce_part(const Visibility& visible, int64_t task, float* scratch, float* rows) {
    const int64_t head = task / n_parts_, part = task % n_parts_;
    const int64_t last = shape_.q_len * (part + 1) / n_parts_;
    float* columns = parts_.data() + task * n_columns_;
    for (int64_t q = shape_.q_len * part / n_parts_; q < last; q += tile_rows_)
      reduce_tile(visible, head, q, std::min(tile_rows_, last - q), scratch, rows, columns);
  }

  void reduce_tile(const Visibility& visible,
                   int64_t head,
                   int64_t first,
                   int64_t n_rows,
                   float* scratch,
                   float* rows,
                   float* columns) {
    const int64_t kv_head = head / group();
    int32_t row_begin[kTileRows], row_end[kTileRows];
    float row_sink[kTileRows];
    int64_t n = 0;
    for (int64_t r = 0; r < n_rows; ++r) {
      const Range range = visible.of(kv_head, first + r);
      row_begin[r] = static_cast<int32_t>(range.begin);
      row_end[r] = static_cast<int32_t>(range.end);
      row_sink[r] = shape_.sinks ? shape_.sinks[head] : 0;
      n = std::max(n, range.end);
    }
    StretchArgs args;
    args.keys = spans_[kv_head].keys;
    args.queries = static_cast<const std::byte*>(what_.queries) +
                   (head * shape_.q_len + first) * shape_.head_dim * element_size(shape_.dtype);
    args.row_begin = row_begin;
    args.row_end = row_end;
    args.n = n;  // what no row of the tile sees is not looked at
    args.n_rows = n_rows;
    args.head_dim = args.key_dim = shape_.head_dim;
    args.scale = shape_.scale;
    args.softcap = shape_.softcap;
    place_bias(spans_[static_cast<size_t>(kv_head)], /*first=*/0, args);
    args.row_sink = shape_.sinks ? row_sink : nullptr;
    current_kernels().softmax[static_cast<int>(shape_.dtype)](args, rows, scratch);
    for (int64_t r = 0; r < n_rows; ++r) {
      const float weight = what_.row_weight ? what_.row_weight[first + r] : 1;
      fold(rows + r * n, std::min(n, columns_.end), weight, columns);
    }
  }

  // Adds what of a row lies in the columns; `n` of its entries were reckoned.
  void fold(const float* row, int64_t n, float weight, float* columns) const {
    const float* from = row + columns_.begin;
    const int64_t count = std::max<int64_t>(n - columns_.begin, 0);
    if (what_.sum) {
      for (int64_t i = 0; i < count; ++i) columns[i] += weight * from[i];
    } else {
      for (int64_t i = 0; i < count; ++i) {
        const float value = weight * from[i];
        columns[i] = columns[i] > value ? columns[i] : value;
      }
    }
  }

  // Parts, and the heads of a group unless each is wanted, in order.
  void join(float* out) const {
    const int64_t joined = n_parts_ * (what_.per_head ? 1 : group());
    const int64_t n_rows = shape_.n_heads * n_parts_ / joined;
    for (int64_t r = 0; r < n_rows; ++r) {
      float* to = out + r * n_columns_;
      const float* from = parts_.data() + r * joined * n_columns_;
      std::copy_n(from, n_columns_, to);
      for (int64_t p = 1; p < joined; ++p)
        for (int64_t i = 0; i < n_columns_; ++i) {
          const float value = from[p * n_columns_ + i];
          to[i] = what_.sum ? to[i] + value : std::max(to[i], value);
        }
    }
  }

  const ColumnReduction& what_;
  const AttentionShape& shape_;
  std::vector<Seen> seen_;
  std::vector<HeadSpan> spans_;
  PositionRange columns_;  // entries of the gathered heads
  int64_t n_columns_ = 0, tile_rows_ = 0, n_parts_ = 0;
  std::vector<float> parts_;  // [n_heads, n_parts, n_columns]
};

}  // namespace

PositionRange entries_at(const HeadSpan& head, PositionRange columns) {
  const int32_t* end = head.positions + head.n;
  const auto before = [&](int64_t position) {
    return std::lower_bound(head.positions, end, position) - head.positions;
  };
  return {before(columns.begin), before(columns.end)};
}

void reduce_columns(const ColumnReduction& what, float* out) { Reducer(what).run(out); }

}  // namespace kvhost
