// SPDX-License-Identifier: Apache-2.0
// 256-bit vectors with twice the registers.
#include "kernels/quant/body.hpp"

namespace kvhost {

const QuantLevel& avx512_quant() {
  static constexpr QuantLevel level = level_of_this_file();
  return level;
}

}  // namespace kvhost
