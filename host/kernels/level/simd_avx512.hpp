// SPDX-License-Identifier: Apache-2.0
// 512-bit vectors. Included by the AVX-512 level files only.
#pragma once

#include <immintrin.h>

#include "kernels/level/body.hpp"

namespace kvhost {
namespace {

struct Simd {
  using Vec = __m512;
  static constexpr int kWidth = 16;
  static constexpr int kTile = 16;
  static constexpr int kManyRows = 8;

  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec set(float x) { return _mm512_set1_ps(x); }
  static Vec load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Vec x) { _mm512_storeu_ps(to, x); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  static Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
  }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static float sum(Vec x) { return _mm512_reduce_add_ps(x); }
  static float max_of(Vec x) { return _mm512_reduce_max_ps(x); }

  static Vec widen(const float* from) { return load(from); }
  static Vec widen(const Bf16* from) {
    return wide_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static Vec widen(const Half* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static Vec widen_some(const float* from, int64_t n) {
    return _mm512_maskz_loadu_ps(first(n), from);
  }
  static Vec widen_some(const Bf16* from, int64_t n) {
    return wide_bf16(_mm256_maskz_loadu_epi16(first(n), from));
  }
  static Vec widen_some(const Half* from, int64_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), from));
  }

  // Relative error below 2e-7 for x <= 0; what is below float32's normal range comes out near
  // 1e-38.
  static Vec exp(Vec x) {
    x = max(x, set(-87.3f));
    const Vec n = _mm512_roundscale_ps(mul(x, set(1.44269504f)),
                                       _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    Vec r = _mm512_fnmadd_ps(n, set(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, set(-2.12194440e-4f), r);
    Vec p = fma(set(1.9875691500e-4f), r, set(1.3981999507e-3f));
    p = fma(p, r, set(8.3334519073e-3f));
    p = fma(p, r, set(4.1665795894e-2f));
    p = fma(p, r, set(1.6666665459e-1f));
    p = fma(p, r, set(5.0000001201e-1f));
    p = add(fma(p, mul(r, r), r), set(1.0f));
    return _mm512_scalef_ps(p, n);
  }

  // out[i] = sum of the lanes of acc[i]
  static void sum_tile(const Vec* acc, float* out) {
    Vec quad[4];  // [4 lanes of 128 bits]: partial sums of four vectors each
    for (int i = 0; i < 4; ++i) {
      const Vec* v = acc + 4 * i;
      quad[i] = sum_pairs_pd(sum_pairs_ps(v[0], v[1]), sum_pairs_ps(v[2], v[3]));
    }
    store(out, sum_lanes(sum_lanes(quad[0], quad[1]), sum_lanes(quad[2], quad[3])));
  }

  // v[16] as a matrix of 16 rows, in place
  static void transpose(Vec* v) {
    Vec r[16];
    for (int i = 0; i < 16; i += 4) {
      const __m512d lo01 = pd(_mm512_unpacklo_ps(v[i], v[i + 1]));
      const __m512d hi01 = pd(_mm512_unpackhi_ps(v[i], v[i + 1]));
      const __m512d lo23 = pd(_mm512_unpacklo_ps(v[i + 2], v[i + 3]));
      const __m512d hi23 = pd(_mm512_unpackhi_ps(v[i + 2], v[i + 3]));
      r[i] = ps(_mm512_unpacklo_pd(lo01, lo23));  // 128-bit lane L: column 4 L of rows i..i+3
      r[i + 1] = ps(_mm512_unpackhi_pd(lo01, lo23));
      r[i + 2] = ps(_mm512_unpacklo_pd(hi01, hi23));
      r[i + 3] = ps(_mm512_unpackhi_pd(hi01, hi23));
    }
    for (int k = 0; k < 4; ++k) {
      const Vec even_low = _mm512_shuffle_f32x4(r[k], r[4 + k], 0x88);
      const Vec odd_low = _mm512_shuffle_f32x4(r[k], r[4 + k], 0xdd);
      const Vec even_high = _mm512_shuffle_f32x4(r[8 + k], r[12 + k], 0x88);
      const Vec odd_high = _mm512_shuffle_f32x4(r[8 + k], r[12 + k], 0xdd);
      v[k] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
      v[4 + k] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
      v[8 + k] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
      v[12 + k] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
  }

  // The first n lanes: none of them below 1, all from 16 on.
  static __mmask16 first(int64_t n) {
    return static_cast<__mmask16>(n >= 16 ? 0xffff : n <= 0 ? 0 : (1u << n) - 1);
  }
  static Vec wide_bf16(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
  }

 private:
  static __m512d pd(Vec x) { return _mm512_castps_pd(x); }
  static Vec ps(__m512d x) { return _mm512_castpd_ps(x); }
  static Vec sum_pairs_ps(Vec a, Vec b) {
    return add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  }
  static Vec sum_pairs_pd(Vec a, Vec b) {
    return add(ps(_mm512_unpacklo_pd(pd(a), pd(b))), ps(_mm512_unpackhi_pd(pd(a), pd(b))));
  }
  static Vec sum_lanes(Vec a, Vec b) {
    return add(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  }
};

}  // namespace
}  // namespace kvhost
