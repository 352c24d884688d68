// SPDX-License-Identifier: Apache-2.0
// How much what a model makes of some tokens depends on what each layer's attention gave them, by
// the slow, differentiable decoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cache/kv_cache.hpp"

namespace kvhost {

class Weights;

// For tokens behind all that `cache` holds (whole keys, nothing cut): per layer [n_tokens] float32,
// the L2 norms of the gradient of sum ||h||^2, h the last layer's output before the final norm, by
// the attention block's output at each token. The cache is read only. One layer's graph is held at
// a time. `progress` is told the share done and may throw to stop. Float32 weights.
std::vector<at::Tensor> attention_gradient_norms(const Weights& weights,
                                                 std::span<const int32_t> tokens,
                                                 const KvCache& cache,
                                                 const std::function<void(double)>& progress = {});

}  // namespace kvhost
