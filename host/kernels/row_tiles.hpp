// SPDX-License-Identifier: Apache-2.0
// What attention calls have in common: which entries each query sees, and query rows cut into
// tiles.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/level_kernels.hpp"

namespace kvhost {

// Entries [begin, end) of a head; positions ascend, so what a query sees is always one range.
struct Range {
  int64_t begin = 0, end = 0;
};

// The query rows of one KV head are those of its query heads one after the other: row = g * q_len +
// i.
struct RowTile {
  int64_t head = 0, first_row = 0, n_rows = 0;
};

class Visibility {
 public:
  Visibility(const AttentionShape& shape, const HeadSpan* heads, int64_t first_position);

  Range of(int64_t head, int64_t row) const {
    return ranges_[static_cast<size_t>(head * q_len_ + row % q_len_)];
  }
  Range hull(const RowTile& tile) const;  // of all rows of the tile

 private:
  int64_t q_len_;
  std::vector<Range> ranges_;  // [n_kv_heads, q_len]
};

// Rows of each KV head in tiles of nearly equal size: one of up to kFewRows, or several of up to
// `most`.
std::vector<RowTile> tile_rows(const AttentionShape& shape, int64_t most);

// The sink of row r of a tile; -inf where the model has none.
float sink_of(const AttentionShape& shape, const RowTile& tile, int64_t r);

// What the entries [first, first + args.n) of a head add to their scores.
void place_bias(const HeadSpan& head, int64_t first, StretchArgs& args);

int64_t padded(int64_t n);  // up to a multiple of kPad
int64_t scratch_floats(int64_t n_rows, int64_t n, int64_t head_dim);

const LevelKernels& current_kernels();

// Runs task(i, scratch) for i in [0, n), each on whichever thread is free. What a task computes
// does not depend on the thread, so results are the same for any number of threads. small: not
// worth waking threads.
void run_tasks(int64_t n,
               int64_t scratch,
               bool small,
               const std::function<void(int64_t, float*)>& task);

}  // namespace kvhost
