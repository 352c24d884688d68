// SPDX-License-Identifier: Apache-2.0
// 256-bit vectors with fused multiply-add.
#include "kernels/gemv/body.hpp"

namespace kvhost {

const GemvLevel& avx2_gemv() {
  static constexpr GemvLevel level = {range<WideProduct<float>>, range<WideProduct<Bf16>>, false};
  return level;
}

}  // namespace kvhost
