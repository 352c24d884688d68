// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/ScalarType.h>

#include "base/dtype.hpp"

namespace kvhost {

inline c10::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::BFloat16:
      return c10::ScalarType::BFloat16;
    case DType::Float16:
      return c10::ScalarType::Half;
    default:
      return c10::ScalarType::Float;
  }
}

}  // namespace kvhost
