// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.hpp"

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "model/forward.hpp"
#include "model/weights.hpp"

namespace kvhost {

struct Decoder::State {
  std::shared_ptr<const Weights> weights;
};

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

at::Tensor Decoder::output_weight(int64_t layer) const {
  return state_->weights->tensors().layers[static_cast<size_t>(layer)].output.weight.numbers(
      state_->weights->dtype());
}

at::Tensor Decoder::forward(std::span<const int32_t> tokens,
                            KvCache& cache,
                            const ForwardOptions& options) const {
  std::vector<Stretch> one(1);
  one[0] = {tokens, &cache, options.all_logits, options.capture, options.sink};
  Forward pass(*this, std::move(one));
  while (pass.step(options.progress)) {
  }
  return pass.logits(0);
}

const Weights& Decoder::weights() const { return *state_->weights; }

}  // namespace kvhost
