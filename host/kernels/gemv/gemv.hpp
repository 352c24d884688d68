// SPDX-License-Identifier: Apache-2.0
// Products of a few token rows with weight matrices: bound by reading the weights once, which
// general matrix libraries do at about half the memory's speed when there is a single row.
#pragma once

#include <cstdint>
#include <span>

#include "base/dtype.hpp"

namespace kvhost {

// One matrix of several that meet the same input.
struct GemvMatrix {
  const void* weight = nullptr;  // [n_out, n_in]
  const void* bias = nullptr;    // [n_out] or null
  void* out = nullptr;           // [n_rows, n_out], in the input's dtype, or float32 with wide_out
  int64_t n_out = 0;
};

struct GemvInput {
  DType dtype = DType::Float32;
  const void* x = nullptr;  // [n_rows, n_in]
  int64_t n_rows = 0, n_in = 0;
  bool wide_out = false;  // results in float32
};

bool gemv_supports(DType dtype);  // float32 and bfloat16

// out = x weight^T + bias for every matrix, summed in float32, in one parallel region over all
// output rows.
void gemv(const GemvInput& input, std::span<const GemvMatrix> matrices);

}  // namespace kvhost
