// SPDX-License-Identifier: Apache-2.0
#include "kernels/element_math.hpp"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

namespace kvhost {

namespace {

template <class Use>
void with_elements(DType dtype, const void* from, const Use& use) {
  if (dtype == DType::BFloat16) {
    use(static_cast<const c10::BFloat16*>(from));
  } else if (dtype == DType::Float16) {
    use(static_cast<const c10::Half*>(from));
  } else {
    use(static_cast<const float*>(from));
  }
}

}  // namespace

void widen(DType dtype, const void* from, int64_t n, float* to) {
  with_elements(dtype, from, [&](const auto* x) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(x[i]);
  });
}

void add_wide(DType dtype, const void* from, int64_t offset, int64_t n, float* to) {
  with_elements(dtype, from, [&](const auto* x) {
    for (int64_t i = 0; i < n; ++i) to[i] += static_cast<float>(x[offset + i]);
  });
}

}  // namespace kvhost
