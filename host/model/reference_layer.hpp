// SPDX-License-Identifier: Apache-2.0
// One layer of the slow decoder, over tokens that stand behind others or begin a text.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "model/weights.hpp"

namespace kvhost {

// Where the S tokens of a pass stand.
struct ReferencePlace {
  int64_t first_position = 0;
  int64_t n_first = 0;  // tokens of the pass that began the text (RopeConfig::frequencies)
  // [n_kv_heads, P, head_dim] as the cache holds them, or undefined
  at::Tensor past_keys, past_values;
  // [n_kv_heads or 1, S, P + S] (query, key): bool, or what is added to the scores, -inf hides
  at::Tensor visible;
};

// [S, hidden_size], scaled as the family does.
at::Tensor reference_embedding(const Weights& weights, std::span<const int32_t> tokens);

// x: [S, hidden_size], the residual stream, -> what the layer makes of it. `attended`: what the
// attention block gave, [S, hidden_size], before it is added.
at::Tensor reference_layer(const Weights& weights,
                           int64_t layer,
                           const ReferencePlace& place,
                           const at::Tensor& x,
                           at::Tensor* attended = nullptr);

// -> [S, vocab_size]
at::Tensor reference_read_out(const Weights& weights, const at::Tensor& x);

}  // namespace kvhost
