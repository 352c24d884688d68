// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/element_math.hpp"
#include "kernels/narrow.hpp"

namespace kvhost {

namespace {

constexpr int64_t kSmallWork = 1 << 14;  // elements per thread below which one thread is faster

// Sixteen partial sums: the compiler may not reorder a single one.
float sum_of_squares(const float* x, int64_t n) {
  float parts[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int lane = 0; lane < 16; ++lane) parts[lane] += x[i + lane] * x[i + lane];
  float total = 0;
  for (; i < n; ++i) total += x[i] * x[i];
  for (const float part : parts) total += part;
  return total;
}

void normalise(float* __restrict x, const float* __restrict weight, int64_t n, float eps) {
  const float scale = 1 / std::sqrt(sum_of_squares(x, n) / static_cast<float>(n) + eps);
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] * scale * weight[i];
}

// Dimension i turns with i + half; those beyond 2 * half stay.
void rotate(float* __restrict x,
            const float* __restrict cos,
            const float* __restrict sin,
            int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cos[i] - b * sin[i];
    x[i + half] = b * cos[i] + a * sin[i];
  }
}

const char* row_at(const void* base, int64_t element, DType dtype) {
  return static_cast<const char*>(base) + element * element_size(dtype);
}

char* row_at(void* base, int64_t element, DType dtype) {
  return static_cast<char*>(base) + element * element_size(dtype);
}

}  // namespace

void rms_norm_rows(const RmsNormArgs& args) {
  parallel_for(
      args.n_rows, std::max<int64_t>(kSmallWork / args.n, 1), [&](int64_t begin, int64_t end) {
        std::vector<float> row(static_cast<size_t>(args.n));
        for (int64_t r = begin; r < end; ++r) {
          widen(args.dtype, row_at(args.x, r * args.n, args.dtype), args.n, row.data());
          normalise(row.data(), args.weight, args.n, args.eps);
          narrow(row.data(), args.n, args.dtype, row_at(args.out, r * args.n, args.dtype));
        }
      });
}

void place_heads(const PlaceArgs& args, void* const* to) {
  const int64_t n = args.head_dim;
  const int64_t grain = std::max<int64_t>(kSmallWork / (n * args.n_heads), 1);
  const bool plain = !args.norm_weight && !args.cos && !args.token_scale;
  parallel_for(args.n_tokens, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(n));
    for (int64_t head = 0; head < args.n_heads; ++head)
      for (int64_t t = begin; t < end; ++t) {
        const char* from =
            row_at(args.from, t * args.token_stride + head * args.head_stride, args.dtype);
        char* into = row_at(to[head], t * n, args.dtype);
        if (plain) {
          std::memcpy(into, from, static_cast<size_t>(n * element_size(args.dtype)));
          continue;
        }
        widen(args.dtype, from, n, row.data());
        if (args.norm_weight) normalise(row.data(), args.norm_weight, n, args.norm_eps);
        if (args.cos)
          rotate(row.data(),
                 args.cos + t * args.rotary_half,
                 args.sin + t * args.rotary_half,
                 args.rotary_half);
        if (args.token_scale)
          for (float& x : row) x *= args.token_scale[t];
        narrow(row.data(), n, args.dtype, into);
      }
  });
}

}  // namespace kvhost
