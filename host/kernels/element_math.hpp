// SPDX-License-Identifier: Apache-2.0
// Rows of stored elements as float32.
#pragma once

#include <cstdint>

#include "base/dtype.hpp"

namespace kvhost {

// to[i] = from[i], both [n].
void widen(DType dtype, const void* from, int64_t n, float* to);

// to[i] += from[offset + i], to: [n].
void add_wide(DType dtype, const void* from, int64_t offset, int64_t n, float* to);

}  // namespace kvhost
