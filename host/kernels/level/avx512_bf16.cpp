// SPDX-License-Identifier: Apache-2.0
// AVX-512 with bfloat16 products: two per lane, summed in float32.
#include "kernels/level/simd_avx512.hpp"
#include "kernels/level/weigh_pairs.hpp"

namespace kvhost {
namespace {

struct Bf16Dot {
  using Simd = kvhost::Simd;
  using Elem = Bf16;
  using Query = Bf16;
  using Vec = __m512;  // of 32 bfloat16
  static constexpr int kUnit = 2;
  static constexpr int kStep = 32;

  static Vec key(const Bf16* from) { return _mm512_castsi512_ps(_mm512_loadu_si512(from)); }
  static Vec key(const Bf16* from, int64_t n) {
    const auto first = static_cast<__mmask32>((uint64_t{1} << n) - 1);
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(first, from));
  }
  static Vec query(const Bf16* from) { return key(from); }
  static Vec broadcast(const Bf16* from) {
    int32_t pair;
    __builtin_memcpy(&pair, from, sizeof pair);
    return _mm512_castsi512_ps(_mm512_set1_epi32(pair));
  }
  static Vec add_product(Vec acc, Vec k, Vec q) {
    return _mm512_dpbf16_ps(acc, (__m512bh)k, (__m512bh)q);
  }
  static void prepare(const Bf16* from, int64_t n, Bf16* to) {
    for (int64_t i = 0; i < pad(n); ++i) {
      to[i] = i < n ? from[i] : Bf16{0};
    }
  }
  static float round_weights(float* p, int64_t n) { return kvhost::round_weights(p, n); }
  static void weigh_pairs(const WeighArgs<Bf16>& a, float* packed) {
    kvhost::weigh_pairs(a, packed);
  }
};

}  // namespace

const LevelKernels& avx512_bf16_kernels() {
  static constexpr LevelKernels kernels =
      make_kernels<WideDot<Simd, float>, Bf16Dot, WideDot<Simd, Half>>();
  return kernels;
}

}  // namespace kvhost
