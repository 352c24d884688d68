// SPDX-License-Identifier: Apache-2.0
// 512-bit vectors.
#include "kernels/gemv/body.hpp"

namespace kvhost {

const GemvLevel& avx512_gemv() {
  static constexpr GemvLevel level = {range<WideProduct<float>>, range<WideProduct<Bf16>>, false};
  return level;
}

}  // namespace kvhost
