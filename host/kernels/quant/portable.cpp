// SPDX-License-Identifier: Apache-2.0
// What every machine can do.
#include "kernels/quant/body.hpp"

namespace kvhost {

const QuantLevel& portable_quant() {
  static constexpr QuantLevel level = level_of_this_file();
  return level;
}

}  // namespace kvhost
