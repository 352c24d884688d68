// SPDX-License-Identifier: Apache-2.0
// Row-wise steps of the decoder, computed in float32 and rounded once.
#pragma once

#include <cstdint>

#include "base/dtype.hpp"

namespace kvhost {

// out = x / rms(x) * weight for each of n_rows rows of n. x, out: [n_rows, n]; weight: [n] float32.
struct RmsNormArgs {
  DType dtype = DType::Float32;
  const void* x = nullptr;
  const float* weight = nullptr;
  void* out = nullptr;
  int64_t n_rows = 0, n = 0;
  float eps = 0;
};
void rms_norm_rows(const RmsNormArgs& args);

// Heads of projected tokens on their way to where attention reads them.
struct PlaceArgs {
  DType dtype = DType::Float32;
  int64_t n_tokens = 0, n_heads = 0, head_dim = 0;
  // element (token, head, d) at token * token_stride + head * head_stride + d
  const void* from = nullptr;
  int64_t token_stride = 0, head_stride = 0;
  const float* norm_weight = nullptr;  // [head_dim]: RMSNorm first; null: none
  float norm_eps = 0;
  const float* cos = nullptr;  // [n_tokens, rotary_half]; null: no rotation
  const float* sin = nullptr;
  int64_t rotary_half = 0;
  const float* token_scale = nullptr;  // [n_tokens] factors in the end; null: 1
};

// Writes each head's rows [n_tokens, head_dim] to to[head].
void place_heads(const PlaceArgs& args, void* const* to);

}  // namespace kvhost
