// SPDX-License-Identifier: Apache-2.0
// The slow decoder: plain ATen, dense, differentiable, written for reading. The in-process oracle
// of the fast one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace at {
class Tensor;
}

namespace kvhost {

class Weights;

// Which keys each query may see in `layer`: bool [n_kv_heads, S, S] (query, key), already causal;
// an undefined tensor means plain causal (with the layer's sliding window). Of numbers instead: what is
// added to each score, -inf where a query may not see a key.
using Visibility = std::function<at::Tensor(int64_t layer)>;

// Logits [S, vocab_size] of all tokens at positions 0..S-1, computed in the weights' dtype with
// float32 softmax.
at::Tensor reference_logits(const Weights& weights,
                            std::span<const int32_t> tokens,
                            const Visibility& visible = {});

}  // namespace kvhost
