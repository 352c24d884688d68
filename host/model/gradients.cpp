// SPDX-License-Identifier: Apache-2.0
#include "model/gradients.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include "model/reference_layer.hpp"

namespace kvhost {
namespace {

// Which entries and tokens each token sees: [1, S, P + S].
at::Tensor visible(const HeadSpan& head, int64_t first, int64_t n_tokens, int64_t window) {
  const at::Tensor own = at::arange(first, first + n_tokens, at::kLong);
  const at::Tensor past =
      at::from_blob(const_cast<int32_t*>(head.positions), {head.n}, at::kInt).to(at::kLong);
  const at::Tensor keys = at::cat({past, own}).unsqueeze(0), queries = own.unsqueeze(1);
  at::Tensor seen = keys.le(queries);
  if (window > 0) seen = seen.logical_and(keys.gt(queries - window));
  return seen.unsqueeze(0);
}

ReferencePlace place_of(const Weights& weights,
                        const KvCache& cache,
                        int64_t layer,
                        int64_t n_tokens) {
  const ModelConfig& config = weights.config();
  std::vector<at::Tensor> keys, values;
  for (int64_t h = 0; h < config.n_kv_heads; ++h) {
    const HeadSpan head = cache.head(layer, h);
    keys.push_back(at::from_blob(head.keys, {head.n, config.head_dim}, at::kFloat));
    values.push_back(at::from_blob(head.values, {head.n, config.head_dim}, at::kFloat));
  }
  ReferencePlace place;
  place.first_position = cache.n_seen();
  place.n_first = cache.n_first();
  place.past_keys = at::stack(keys);
  place.past_values = at::stack(values);
  place.visible = visible(cache.head(layer, 0), cache.n_seen(), n_tokens, config.window_of(layer));
  return place;
}

}  // namespace

std::vector<at::Tensor> attention_gradient_norms(const Weights& weights,
                                                 std::span<const int32_t> tokens,
                                                 const KvCache& cache,
                                                 const std::function<void(double)>& progress) {
  const c10::InferenceMode recording(false);
  const auto n_layers = weights.config().n_layers;
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  const auto tell = [&](int64_t steps) {
    if (progress) progress(static_cast<double>(steps) / static_cast<double>(4 * n_layers));
  };
  std::vector<at::Tensor> inputs;  // of the layers, [S, hidden_size]
  at::Tensor gradient;             // by a layer's output
  {
    const c10::NoGradGuard no_grad;
    at::Tensor x = reference_embedding(weights, tokens);
    for (int64_t l = 0; l < n_layers; ++l) {
      inputs.push_back(x);
      x = reference_layer(weights, l, place_of(weights, cache, l, n_tokens), x);
      tell(l + 1);
    }
    gradient = 2 * x;
  }
  const c10::AutoGradMode grad(true);
  std::vector<at::Tensor> norms(static_cast<size_t>(n_layers));
  for (int64_t l = n_layers; l-- > 0;) {
    const at::Tensor x = inputs[static_cast<size_t>(l)].detach().requires_grad_(true);
    at::Tensor attended;
    const at::Tensor out =
        reference_layer(weights, l, place_of(weights, cache, l, n_tokens), x, &attended);
    attended.retain_grad();
    out.backward(gradient);
    norms[static_cast<size_t>(l)] = attended.grad().norm(/*p=*/2, /*dim=*/-1).detach();
    gradient = x.grad();
    inputs.pop_back();
    tell(n_layers + 3 * (n_layers - l));
  }
  return norms;
}

}  // namespace kvhost
