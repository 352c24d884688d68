// SPDX-License-Identifier: Apache-2.0
// acc[r] += sum_j p[r][j] * v_j for many rows, two entries in one product of bfloat16. The weights are rounded to
// bfloat16 for it, as flash attention has them in half width (arXiv:2205.14135), and what they are divided by is the sum
// of the rounded ones; sums are float32. Included by the AVX-512 bfloat16 level file only.
#pragma once

#include "kernels/level/simd_avx512.hpp"

namespace kvhost {
namespace {

constexpr int kBlockEntries = 32, kBlockPairs = 16;
constexpr int64_t kUnitElements = 16;  // of a value

// What n weights sum up to once they are rounded, which they are then.
inline float round_weights(float* p, int64_t n) {
  __m512 sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 held = Simd::first(n - i);
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(held, p + i));
    const __m512 wide = Simd::wide_bf16((__m256i)rounded);
    _mm512_mask_storeu_ps(p + i, held, wide);
    sum = _mm512_add_ps(sum, wide);
  }
  return _mm512_reduce_add_ps(sum);
}

// A block's values, two entries side by side in each lane: [unit][pair][16 lanes]. What is missing is zero.
inline void pack_pairs(const WeighArgs<Bf16>& a, int64_t begin, int64_t n, float* packed) {
  for (int64_t pair = 0; pair < kBlockPairs; ++pair) {
    const Bf16* first = a.values + (begin + least(2 * pair, n - 1)) * a.d;
    const Bf16* second = a.values + (begin + least(2 * pair + 1, n - 1)) * a.d;
    for (int64_t c = 0; c < a.d; c += kUnitElements) {
      const __mmask16 held = Simd::first(a.d - c);
      const auto wide = [&](const Bf16* from, int64_t j) {
        return _mm512_cvtepu16_epi32(
            _mm256_maskz_loadu_epi16(j < n ? held : __mmask16{0}, from + c));
      };
      const __m512i both =
          _mm512_or_si512(wide(first, 2 * pair), _mm512_slli_epi32(wide(second, 2 * pair + 1), 16));
      _mm512_storeu_si512(packed + (c * kBlockPairs + pair * kUnitElements), both);
    }
  }
}

// R rows, U units of the values from packed[0] on, which are elements from c on.
template <int R, int U>
void weigh_pairs_tile(const WeighArgs<Bf16>& a,
                      int64_t r0,
                      int64_t c,
                      const int32_t (*weights)[kBlockPairs],
                      const float* packed) {
  __m512 acc[R][U];
  float* out = a.acc + r0 * pad(a.d) + c;
  for (int r = 0; r < R; ++r)
    for (int u = 0; u < U; ++u) acc[r][u] = _mm512_loadu_ps(out + r * pad(a.d) + u * kUnitElements);
  for (int pair = 0; pair < kBlockPairs; ++pair) {
    __m512i v[U];
    for (int u = 0; u < U; ++u)
      v[u] = _mm512_loadu_si512(packed + (u * kBlockPairs + pair) * kUnitElements);
    for (int r = 0; r < R; ++r) {
      const __m512i p = _mm512_set1_epi32(weights[r][pair]);
      for (int u = 0; u < U; ++u)
        acc[r][u] = _mm512_dpbf16_ps(acc[r][u], (__m512bh)v[u], (__m512bh)p);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int u = 0; u < U; ++u) _mm512_storeu_ps(out + r * pad(a.d) + u * kUnitElements, acc[r][u]);
}

// R rows from r on, which see one block.
template <int R>
void weigh_block(
    const WeighArgs<Bf16>& a, int64_t r, int64_t begin, int64_t n, const float* packed) {
  int32_t weights[R][kBlockPairs];
  for (int i = 0; i < R; ++i) {
    const float* p = a.p + (r + i) * a.stride + begin;
    const __m512 low = _mm512_maskz_loadu_ps(Simd::first(n), p);
    const __m512 high = _mm512_maskz_loadu_ps(Simd::first(n - 16), p + 16);
    _mm512_storeu_si512(weights[i], (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
  constexpr int kUnits = 4;
  int64_t c = 0;
  for (; c + kUnits * kUnitElements <= a.d; c += kUnits * kUnitElements)
    weigh_pairs_tile<R, kUnits>(a, r, c, weights, packed + c * kBlockPairs);
  for (; c < a.d; c += kUnitElements)
    weigh_pairs_tile<R, 1>(a, r, c, weights, packed + c * kBlockPairs);
}

// packed: [pad(d), kBlockPairs]
inline void weigh_pairs(const WeighArgs<Bf16>& a, float* packed) {
  for (int64_t begin = 0; begin < a.n; begin += kBlockEntries) {
    const int64_t n = least(kBlockEntries, a.n - begin);
    pack_pairs(a, begin, n, packed);
    int64_t r = 0;
    for (; r + 4 <= a.n_rows; r += 4) weigh_block<4>(a, r, begin, n, packed);
    for (; r < a.n_rows; ++r) weigh_block<1>(a, r, begin, n, packed);
  }
}

}  // namespace
}  // namespace kvhost
