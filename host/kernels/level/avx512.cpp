// SPDX-License-Identifier: Apache-2.0
// AVX-512 (F, BW, DQ, VL).
#include "kernels/level/simd_avx512.hpp"

namespace kvhost {

const LevelKernels& avx512_kernels() {
  static constexpr LevelKernels kernels =
      make_kernels<WideDot<Simd, float>, WideDot<Simd, Bf16>, WideDot<Simd, Half>>();
  return kernels;
}

}  // namespace kvhost
