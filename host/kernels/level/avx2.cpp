// SPDX-License-Identifier: Apache-2.0
// AVX2 with FMA and F16C.
#include <immintrin.h>

#include "kernels/level/body.hpp"

namespace kvhost {
namespace {

struct Simd {
  using Vec = __m256;
  static constexpr int kWidth = 8;
  static constexpr int kTile = 8;
  static constexpr int kManyRows = 4;

  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec set(float x) { return _mm256_set1_ps(x); }
  static Vec load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Vec x) { _mm256_storeu_ps(to, x); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
  static Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }

  static float sum(Vec x) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
  }
  static float max_of(Vec x) {
    const __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)));
  }

  static Vec widen(const float* from) { return load(from); }
  static Vec widen(const Bf16* from) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static Vec widen(const Half* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  template <class T>
  static Vec widen_some(const T* from, int64_t n) {
    T elements[kWidth] = {};
    for (int64_t i = 0; i < n; ++i) {
      elements[i] = from[i];
    }
    return widen(elements);
  }

  // Relative error below 2e-7 for x <= 0; what is below float32's normal range comes out near
  // 1e-38.
  static Vec exp(Vec x) {
    x = max(x, set(-87.3f));
    const Vec n =
        _mm256_round_ps(mul(x, set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    Vec r = _mm256_fnmadd_ps(n, set(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, set(-2.12194440e-4f), r);
    Vec p = fma(set(1.9875691500e-4f), r, set(1.3981999507e-3f));
    p = fma(p, r, set(8.3334519073e-3f));
    p = fma(p, r, set(4.1665795894e-2f));
    p = fma(p, r, set(1.6666665459e-1f));
    p = fma(p, r, set(5.0000001201e-1f));
    p = add(fma(p, mul(r, r), r), set(1.0f));
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return mul(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }

  // out[i] = sum of the lanes of acc[i]
  static void sum_tile(const Vec* acc, float* out) {
    const Vec low = _mm256_hadd_ps(_mm256_hadd_ps(acc[0], acc[1]), _mm256_hadd_ps(acc[2], acc[3]));
    const Vec high = _mm256_hadd_ps(_mm256_hadd_ps(acc[4], acc[5]), _mm256_hadd_ps(acc[6], acc[7]));
    store(out,
          add(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31)));
  }

  // v[8] as a matrix of 8 rows, in place
  static void transpose(Vec* v) {
    Vec r[8];
    for (int i = 0; i < 8; i += 4) {
      const Vec lo01 = _mm256_unpacklo_ps(v[i], v[i + 1]);
      const Vec hi01 = _mm256_unpackhi_ps(v[i], v[i + 1]);
      const Vec lo23 = _mm256_unpacklo_ps(v[i + 2], v[i + 3]);
      const Vec hi23 = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
      r[i] = _mm256_shuffle_ps(lo01, lo23, 0x44);  // columns 0 and 4 of rows i..i+3
      r[i + 1] = _mm256_shuffle_ps(lo01, lo23, 0xee);
      r[i + 2] = _mm256_shuffle_ps(hi01, hi23, 0x44);
      r[i + 3] = _mm256_shuffle_ps(hi01, hi23, 0xee);
    }
    for (int k = 0; k < 4; ++k) {
      v[k] = _mm256_permute2f128_ps(r[k], r[4 + k], 0x20);
      v[4 + k] = _mm256_permute2f128_ps(r[k], r[4 + k], 0x31);
    }
  }
};

}  // namespace

const LevelKernels& avx2_kernels() {
  static constexpr LevelKernels kernels =
      make_kernels<WideDot<Simd, float>, WideDot<Simd, Bf16>, WideDot<Simd, Half>>();
  return kernels;
}

}  // namespace kvhost
