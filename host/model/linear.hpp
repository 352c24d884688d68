// SPDX-License-Identifier: Apache-2.0
// Linear layers of the fast decoder: few tokens go to products that read the weights once, many to
// libtorch's matrix products, whole or in tiles.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <span>
#include <vector>

#include "base/dtype.hpp"
#include "model/weights.hpp"

namespace kvhost {

// Each layer applied to x [n_tokens, n_in] (contiguous) -> [n_tokens, n_out].
std::vector<at::Tensor> apply_linears(DType dtype,
                                      std::span<const Linear* const> layers,
                                      const at::Tensor& x);
inline std::vector<at::Tensor> apply_linears(DType dtype,
                                             std::initializer_list<const Linear*> layers,
                                             const at::Tensor& x) {
  return apply_linears(dtype, std::span<const Linear* const>(layers.begin(), layers.size()), x);
}
at::Tensor apply_linear(DType dtype, const Linear& layer, const at::Tensor& x);

// x weight^T as float32.
at::Tensor wide_linear(DType dtype, const Matrix& weight, const at::Tensor& x);

}  // namespace kvhost
