// SPDX-License-Identifier: Apache-2.0
#include "model/reference.hpp"

#include <ATen/ATen.h>

#include "model/reference_layer.hpp"

namespace kvhost {

namespace {

at::Tensor causal(int64_t n_tokens, int64_t window) {
  const at::Tensor all = at::ones({n_tokens, n_tokens}, at::kBool);
  at::Tensor visible = all.tril();
  if (window > 0) visible = visible.logical_and(all.triu(1 - window));
  return visible.unsqueeze(0);  // -> [1, S, S]
}

}  // namespace

at::Tensor reference_logits(const Weights& weights,
                            std::span<const int32_t> tokens,
                            const Visibility& visible) {
  const auto& config = weights.config();
  ReferencePlace place;
  place.n_first = static_cast<int64_t>(tokens.size());
  at::Tensor x = reference_embedding(weights, tokens);
  for (int64_t i = 0; i < config.n_layers; ++i) {
    place.visible = visible ? visible(i) : at::Tensor();
    if (!place.visible.defined()) place.visible = causal(place.n_first, config.window_of(i));
    x = reference_layer(weights, i, place, x);
  }
  return reference_read_out(weights, x);
}

}  // namespace kvhost
