// SPDX-License-Identifier: Apache-2.0
// A mixture of experts, in a layer's place for an MLP: a router gives every token to a few of many
// small MLPs. It is a block of its own because which weights are read depends on the tokens: those
// of experts that nobody chose are never touched.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/dtype.hpp"
#include "model/config.hpp"
#include "model/weights.hpp"

namespace kvhost {

// The chosen experts of n tokens, by descending share; ties go to the lower number.
struct ExpertChoice {
  int64_t n_chosen = 0;
  std::vector<int32_t> experts;  // [n, n_chosen]
  std::vector<float> shares;     // [n, n_chosen]
};

// logits: float32 [n, n_experts] of the router.
ExpertChoice choose_experts(const ExpertsConfig& config, const at::Tensor& logits);

// x: [n, hidden_size] -> [n, hidden_size], the sum over each token's experts, weighted by their
// shares. A shared expert is not in it.
at::Tensor apply_experts(const ModelConfig& config,
                         DType dtype,
                         const ExpertWeights& weights,
                         const at::Tensor& x);

// What the shared expert's output is multiplied by: [n, 1].
at::Tensor shared_expert_share(DType dtype, const ExpertWeights& weights, const at::Tensor& x);

// gate, up: [n, width], what the family makes of them; may write into gate.
at::Tensor gated(const ModelConfig& config, at::Tensor gate, const at::Tensor& up);

}  // namespace kvhost
