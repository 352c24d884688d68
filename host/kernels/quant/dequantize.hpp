// SPDX-License-Identifier: Apache-2.0
// Quantised weights as numbers.
#pragma once

#include <cstdint>

#include "base/weight_type.hpp"

namespace kvhost {

// n weights (whole blocks) of `type` at `from` -> float32, the same bits as GGML's own functions.
void dequantize(WeightType type, const void* from, int64_t n, float* out);

}  // namespace kvhost
