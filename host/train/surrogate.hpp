// SPDX-License-Identifier: Apache-2.0
// A small model per layer that predicts a score for every KV head from a token's hidden state.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kvhost::train {

enum class SurrogateType { Linear, Mlp };

const char* type_name(SurrogateType type);  // "linear", "mlp"

// y = W x + b; an mlp has two of them and a GELU between.
struct SurrogateLayer {
  at::Tensor first, first_bias;    // [n_outputs or m, n_inputs], [..]
  at::Tensor second, second_bias;  // [n_outputs, m], [n_outputs], of an mlp

  // x: [n, n_inputs] -> [n, n_outputs]
  at::Tensor predict(const at::Tensor& x) const;
};

struct Surrogate {
  SurrogateType type = SurrogateType::Linear;
  std::vector<SurrogateLayer> layers;
};

}  // namespace kvhost::train
