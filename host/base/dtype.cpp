// SPDX-License-Identifier: Apache-2.0
#include "base/dtype.hpp"

namespace kvhost {

int64_t element_size(DType dtype) { return dtype == DType::Float32 ? 4 : 2; }

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::BFloat16:
      return "bfloat16";
    case DType::Float16:
      return "float16";
    case DType::Float32:
      break;
  }
  return "float32";
}

}  // namespace kvhost
