// SPDX-License-Identifier: Apache-2.0
// 256-bit vectors.
#include "kernels/quant/body.hpp"

namespace kvhost {

const QuantLevel& avx2_quant() {
  static constexpr QuantLevel level = level_of_this_file();
  return level;
}

}  // namespace kvhost
