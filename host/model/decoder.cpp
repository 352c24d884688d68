// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.hpp"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/scalar_type.hpp"
#include "model/layer_pass.hpp"
#include "model/linear.hpp"
#include "model/weights.hpp"

namespace kvhost {

struct Decoder::State {
  std::shared_ptr<const Weights> weights;
};

namespace {

void check_tokens(std::span<const int32_t> tokens, int64_t vocab_size) {
  if (tokens.empty()) run_failed("tokens", "none given; expected at least one");
  for (const int32_t token : tokens)
    if (token < 0 || token >= vocab_size)
      run_failed(
          "tokens",
          "id " + std::to_string(token) + "; expected 0 to " + std::to_string(vocab_size - 1));
}

at::Tensor embed(const ModelWeights& tensors, std::span<const int32_t> tokens) {
  const at::Tensor ids = at::tensor(at::ArrayRef<int32_t>(tokens.data(), tokens.size()), at::kInt);
  return at::embedding(tensors.embedding, ids);  // [n_tokens, hidden_size]
}

at::Tensor logits_of(const Weights& weights, const at::Tensor& x) {
  const auto& tensors = weights.tensors();
  const at::Tensor normed = apply_norm(weights.config(), weights.dtype(), tensors.final_norm, x);
  return wide_linear(weights.dtype(), tensors.lm_head, normed);  // float32 [n, vocab_size]
}

at::Tensor all_logits_of(const Weights& weights, const at::Tensor& x) {
  constexpr int64_t kChunk = 128;  // rows of the vocabulary's width are long
  const int64_t n_tokens = x.size(0);
  at::Tensor out = at::empty({n_tokens, weights.config().vocab_size}, at::kFloat);
  for (int64_t first = 0; first < n_tokens; first += kChunk) {
    const int64_t n = std::min(kChunk, n_tokens - first);
    out.narrow(0, first, n).copy_(logits_of(weights, x.narrow(0, first, n)));
  }
  return out;
}

}  // namespace

Decoder::Decoder(std::shared_ptr<const Weights> weights) : state_(new State{std::move(weights)}) {}
Decoder::~Decoder() = default;

const ModelConfig& Decoder::config() const { return state_->weights->config(); }

CacheLayout Decoder::cache_layout() const {
  const auto& c = config();
  return {.n_layers = c.n_layers,
          .n_kv_heads = c.n_kv_heads,
          .head_dim = c.head_dim,
          .dtype = state_->weights->dtype()};
}

const at::Tensor& Decoder::output_weight(int64_t layer) const {
  return state_->weights->tensors().layers[static_cast<size_t>(layer)].output.weight;
}

at::Tensor Decoder::forward(std::span<const int32_t> tokens,
                            KvCache& cache,
                            const ForwardOptions& options) const {
  const c10::NoGradGuard no_grad;
  const Weights& weights = *state_->weights;
  check_tokens(tokens, config().vocab_size);
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  const int64_t first_position = cache.n_seen();
  const RotaryTable rotary(config().rope, first_position, n_tokens);
  const ForwardFrame frame{weights, rotary, options.capture, first_position, n_tokens};

  at::Tensor x = embed(weights.tensors(), tokens);  // [n_tokens, hidden_size]
  const double all_work = static_cast<double>(config().n_layers) * static_cast<double>(n_tokens);
  for (int64_t layer = 0; layer < config().n_layers; ++layer) {
    LayerPass pass(frame, layer, cache);
    pass.run(x, [&](int64_t done) {
      if (options.progress)
        options.progress((static_cast<double>(layer * n_tokens + done)) / all_work);
    });
    if (options.sink) options.sink(layer, pass.captured());
  }
  cache.advance(n_tokens);
  return options.all_logits ? all_logits_of(weights, x)
                            : logits_of(weights, x.narrow(0, n_tokens - 1, 1));
}

}  // namespace kvhost
