// SPDX-License-Identifier: Apache-2.0
// The element types that weights, activations and the cache come in.
#pragma once

#include <cstdint>

namespace kvhost {

enum class DType { Float32, BFloat16, Float16 };
int64_t element_size(DType dtype);    // bytes
const char* dtype_name(DType dtype);  // "float32", "bfloat16", "float16"

}  // namespace kvhost
