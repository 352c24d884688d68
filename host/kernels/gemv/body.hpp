// SPDX-License-Identifier: Apache-2.0
// The row products in the compiler's own vectors: the flags of the including file say what they
// become. Included by level files only.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/gemv/gemv_level.hpp"

namespace kvhost {
namespace {

using Bf16 = uint16_t;
constexpr int64_t kWidth = 16;  // floats per vector
constexpr int64_t kTokens = 4;  // token rows that share one pass over a weight row
// about the distance that hides memory latency at full bandwidth
constexpr int64_t kAheadBytes = 2048;

typedef float Floats __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));
typedef uint16_t Halfwords __attribute__((vector_size(32)));

inline Floats widen(const float* from) {
  Floats v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline Floats widen(const Bf16* from) {
  Halfwords narrow;
  std::memcpy(&narrow, from, sizeof narrow);
  return reinterpret_cast<Floats>(__builtin_convertvector(narrow, Words) << 16);
}

inline float widen_one(float x) { return x; }
inline float widen_one(Bf16 x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

inline float sum(Floats v) {
  float total = 0;
  for (int i = 0; i < kWidth; ++i) total += v[i];
  return total;
}

// Products in float32: weights are widened, the input comes wide.
template <class T>
struct WideProduct {
  using Weight = T;
  using Input = float;

  template <int M>
  static void row(const T* w, const float* x, int64_t stride, int64_t n, float* out) {
    Floats even[M] = {}, odd[M] = {};
    int64_t i = 0;
    for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
      __builtin_prefetch(reinterpret_cast<const char*>(w + i) + kAheadBytes);
      const Floats w0 = widen(w + i), w1 = widen(w + i + kWidth);
      for (int m = 0; m < M; ++m) {
        even[m] += w0 * widen(x + m * stride + i);
        odd[m] += w1 * widen(x + m * stride + i + kWidth);
      }
    }
    for (int m = 0; m < M; ++m) {
      float total = sum(even[m] + odd[m]);
      for (int64_t j = i; j < n; ++j) total += widen_one(w[j]) * x[m * stride + j];
      out[m] = total;
    }
  }
};

template <class Product, int M>
void range_of(const GemvRange& range, int64_t first_token) {
  using Weight = typename Product::Weight;
  const auto* weight = static_cast<const Weight*>(range.weight);
  const auto* x =
      static_cast<const typename Product::Input*>(range.x) + first_token * range.x_stride;
  float* out = range.out + first_token * range.out_stride;
  for (int64_t r = range.begin; r < range.end; ++r) {
    float totals[M];
    Product::template row<M>(weight + r * range.n_in, x, range.x_stride, range.n_in, totals);
    for (int m = 0; m < M; ++m) out[m * range.out_stride + r] = totals[m];
  }
}

// A block of weight rows stays in the core's cache while groups of tokens pass over it.
template <class Product>
void range(const GemvRange& whole) {
  constexpr int64_t kBlockBytes = 1 << 17;
  const auto row_bytes = whole.n_in * static_cast<int64_t>(sizeof(typename Product::Weight));
  const int64_t block = row_bytes < kBlockBytes ? kBlockBytes / row_bytes : 1;
  for (int64_t begin = whole.begin; begin < whole.end; begin += block) {
    GemvRange part = whole;
    part.begin = begin;
    part.end = begin + block < whole.end ? begin + block : whole.end;
    for (int64_t token = 0; token < whole.n_rows; token += kTokens) switch (whole.n_rows - token) {
        case 1:
          range_of<Product, 1>(part, token);
          break;
        case 2:
          range_of<Product, 2>(part, token);
          break;
        case 3:
          range_of<Product, 3>(part, token);
          break;
        default:
          range_of<Product, 4>(part, token);
      }
  }
}

}  // namespace
}  // namespace kvhost
