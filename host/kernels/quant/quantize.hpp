// SPDX-License-Identifier: Apache-2.0
// Numbers as quantised weights.
#pragma once

#include <cstdint>

#include "base/weight_type.hpp"

namespace kvhost {

inline bool can_quantize(WeightType type) {
  return type == WeightType::Q8_0 || type == WeightType::Q4_0;
}

// n numbers (whole blocks) -> blocks of `type`, the same bytes as GGML's reference functions.
void quantize(WeightType type, const float* from, int64_t n, void* out);

}  // namespace kvhost
