// SPDX-License-Identifier: Apache-2.0
// 512-bit vectors with bfloat16 products: two per lane, summed in float32.
#include <immintrin.h>

#include "kernels/gemv/body.hpp"

namespace kvhost {
namespace {

struct NarrowProduct {
  using Weight = Bf16;
  using Input = Bf16;
  static constexpr int64_t kStep = 32;

  static __m512bh load(const Bf16* from) { return (__m512bh)_mm512_loadu_si512(from); }
  static __m512bh load(const Bf16* from, int64_t n) {
    return (__m512bh)_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << n) - 1), from);
  }

  template <int M>
  static void row(const Bf16* w, const Bf16* x, int64_t stride, int64_t n, float* out) {
    __m512 even[M], odd[M];
    for (int m = 0; m < M; ++m) even[m] = odd[m] = _mm512_setzero_ps();
    int64_t i = 0;
    for (; i + 2 * kStep <= n; i += 2 * kStep) {
      _mm_prefetch(reinterpret_cast<const char*>(w + i) + kAheadBytes, _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(w + i + kStep) + kAheadBytes, _MM_HINT_T0);
      const __m512bh w0 = load(w + i), w1 = load(w + i + kStep);
      for (int m = 0; m < M; ++m) {
        even[m] = _mm512_dpbf16_ps(even[m], w0, load(x + m * stride + i));
        odd[m] = _mm512_dpbf16_ps(odd[m], w1, load(x + m * stride + i + kStep));
      }
    }
    for (; i < n; i += kStep) {
      const int64_t left = n - i < kStep ? n - i : kStep;
      const __m512bh w0 = load(w + i, left);
      for (int m = 0; m < M; ++m)
        even[m] = _mm512_dpbf16_ps(even[m], w0, load(x + m * stride + i, left));
    }
    for (int m = 0; m < M; ++m) out[m] = _mm512_reduce_add_ps(_mm512_add_ps(even[m], odd[m]));
  }
};

}  // namespace

const GemvLevel& avx512_bf16_gemv() {
  static constexpr GemvLevel level = {range<WideProduct<float>>, range<NarrowProduct>, true};
  return level;
}

}  // namespace kvhost
