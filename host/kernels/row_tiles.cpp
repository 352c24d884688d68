// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_tiles.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "base/parallel.hpp"
#include "kernels/cpu_level.hpp"

namespace kvhost {
namespace {

struct Freer {
  void operator()(float* data) const { ::operator delete[](data, std::align_val_t{64}); }
};

// Kept per thread: a decoding step asks for the same amount again and again.
float* scratch_of_thread(int64_t floats) {
  thread_local std::unique_ptr<float[], Freer> data;
  thread_local int64_t size = 0;
  if (size < floats) {
    data.reset(static_cast<float*>(
        ::operator new[](static_cast<size_t>(floats) * sizeof(float), std::align_val_t{64})));
    size = floats;
  }
  return data.get();
}

}  // namespace

Visibility::Visibility(const AttentionShape& shape, const HeadSpan* heads, int64_t first_position)
    : q_len_(shape.q_len) {
  ranges_.reserve(static_cast<size_t>(shape.n_kv_heads * q_len_));
  for (int64_t h = 0; h < shape.n_kv_heads; ++h) {
    const int32_t* positions = heads[h].positions;
    const int32_t* last = positions + heads[h].n;
    for (int64_t i = 0; i < q_len_; ++i) {
      const int64_t position = first_position + i;
      Range range;
      range.end = std::upper_bound(positions, last, position) - positions;
      if (shape.sliding_window > 0) {
        range.begin =
            std::upper_bound(positions, last, position - shape.sliding_window) - positions;
      }
      ranges_.push_back(range);
    }
  }
}

Range Visibility::hull(const RowTile& tile) const {
  Range hull = of(tile.head, tile.first_row);
  for (int64_t r = 1; r < std::min(tile.n_rows, q_len_ + 1); ++r) {
    const Range range = of(tile.head, tile.first_row + r);
    hull.begin = std::min(hull.begin, range.begin);
    hull.end = std::max(hull.end, range.end);
  }
  return hull;
}

std::vector<RowTile> tile_rows(const AttentionShape& shape, int64_t most) {
  const int64_t rows = shape.n_heads / shape.n_kv_heads * shape.q_len;
  const int64_t n_tiles = (rows + most - 1) / most;
  std::vector<RowTile> tiles;
  for (int64_t head = 0; head < shape.n_kv_heads; ++head) {
    for (int64_t t = 0; t < n_tiles; ++t) {
      const int64_t first = rows * t / n_tiles;
      tiles.push_back({head, first, rows * (t + 1) / n_tiles - first});
    }
  }
  return tiles;
}

float sink_of(const AttentionShape& shape, const RowTile& tile, int64_t r) {
  if (shape.sinks == nullptr) {
    return -INFINITY;
  }
  const int64_t group = shape.n_heads / shape.n_kv_heads;
  return shape.sinks[tile.head * group + (tile.first_row + r) / shape.q_len];
}

void place_bias(const HeadSpan& head, int64_t first, StretchArgs& args) {
  args.n_biased = std::clamp<int64_t>(head.bias.n - first, 0, args.n);
  if (args.n_biased > 0) args.bias = head.bias.rows + first;
}

int64_t padded(int64_t n) { return (n + kPad - 1) / kPad * kPad; }

int64_t scratch_floats(int64_t n_rows, int64_t n, int64_t head_dim) {
  return (n_rows + kPad) * padded(head_dim) + n_rows * padded(n);
}

const LevelKernels& current_kernels() {
  switch (current_level()) {
#if defined(KVHOST_X86_LEVELS)
    case CpuLevel::Avx512Bf16:
      return avx512_bf16_kernels();
    case CpuLevel::Avx512Vnni:
    case CpuLevel::Avx512:
      return avx512_kernels();
    case CpuLevel::Avx2:
      return avx2_kernels();
#endif
    default:
      return portable_kernels();
  }
}

void run_tasks(int64_t n,
               int64_t scratch,
               bool small,
               const std::function<void(int64_t, float*)>& task) {
  std::atomic<int64_t> next{0};
  const auto work = [&](int64_t, int64_t) {
    float* mine = scratch_of_thread(scratch);
    for (int64_t i = next++; i < n; i = next++) {
      task(i, mine);
    }
  };
  const int64_t workers = small ? 1 : std::min<int64_t>(num_threads(), n);
  if (workers <= 1) {
    work(0, 1);
  } else {
    parallel_for(workers, /*grain=*/1, work);
  }
}

}  // namespace kvhost
