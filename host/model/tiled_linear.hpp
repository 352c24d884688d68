// SPDX-License-Identifier: Apache-2.0
// Products of many token rows with matrices whose numbers are not those that this processor
// multiplies fastest: quantised ones, and half-width ones where there is no step for them. Tiles of
// rows are unpacked, each by the thread that multiplies it; no matrix is ever unpacked as a whole.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "base/dtype.hpp"
#include "model/weights.hpp"

namespace kvhost {

struct TiledProduct {
  const Matrix* weight = nullptr;
  at::Tensor bias;  // [n_out] or undefined
  at::Tensor out;   // [n_tokens, n_out], of any dtype
};

// The dtype whose matrix products are fastest here for a model of `dtype`.
DType product_dtype(DType dtype);

// x [n_tokens, n_in] weight^T + bias for each.
void tiled_linears(DType dtype, std::span<const TiledProduct> products, const at::Tensor& x);

}  // namespace kvhost
