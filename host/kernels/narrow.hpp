// SPDX-License-Identifier: Apache-2.0
// float32 -> the type of the output, rounded to nearest even.
#pragma once

#include <cstdint>

#include "base/dtype.hpp"

namespace kvhost {

// to: [n] of `dtype`
void narrow(const float* from, int64_t n, DType dtype, void* to);

}  // namespace kvhost
