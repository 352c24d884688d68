// SPDX-License-Identifier: Apache-2.0
// What every machine can do.
#include "kernels/gemv/body.hpp"

namespace kvhost {

const GemvLevel& portable_gemv() {
  static constexpr GemvLevel level = {range<WideProduct<float>>, range<WideProduct<Bf16>>, false};
  return level;
}

}  // namespace kvhost
