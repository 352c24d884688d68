// SPDX-License-Identifier: Apache-2.0
// A mixture of experts as the reference decoder computes it: written for reading, differentiable.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/config.hpp"
#include "model/weights.hpp"

namespace kvhost {

using ApplyLinear = at::Tensor (*)(const Linear& layer, const at::Tensor& x);

// x: [S, hidden_size] -> [S, hidden_size], without the shared expert.
at::Tensor reference_experts(const ModelConfig& config,
                             const ExpertWeights& weights,
                             const at::Tensor& x,
                             ApplyLinear linear);

}  // namespace kvhost
