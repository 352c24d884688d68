// SPDX-License-Identifier: Apache-2.0
#include "kernels/quant/dequantize.hpp"

#include "kernels/element_math.hpp"
#include "kernels/quant/quant_level.hpp"

namespace kvhost {

void dequantize(WeightType type, const void* from, int64_t n, float* out) {
  switch (type) {
    case WeightType::F32:
      return widen(DType::Float32, from, n, out);
    case WeightType::F16:
      return widen(DType::Float16, from, n, out);
    case WeightType::BF16:
      return widen(DType::BFloat16, from, n, out);
    default:
      quant_level().types[static_cast<int>(type)].unpack(static_cast<const uint8_t*>(from), n, out);
  }
}

}  // namespace kvhost
