// SPDX-License-Identifier: Apache-2.0
// Products of a few token rows with quantised matrices, whose blocks are read once, as they are
// stored. The input is rounded to 16 bits in groups of 32, or of 256 where a block has as many,
// which keeps the results within about 1e-5 of the product with the unpacked weights.
#pragma once

#include <span>

#include "base/weight_type.hpp"
#include "kernels/gemv/gemv.hpp"

namespace kvhost {

struct QuantMatrix {
  WeightType type = WeightType::Q8_0;  // not a plain one
  const void* blocks = nullptr;        // n_out rows
  const void* bias = nullptr;          // [n_out] in the input's dtype, or null
  void* out = nullptr;  // [n_rows, n_out], in the input's dtype, or float32 with wide_out
  int64_t n_out = 0;
};

// out = x weight^T + bias for every matrix, in one parallel region over all output rows. Any dtype.
void quant_gemv(const GemvInput& input, std::span<const QuantMatrix> matrices);

}  // namespace kvhost
