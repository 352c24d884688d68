// SPDX-License-Identifier: Apache-2.0
// The fast decoder: one implementation for all families, driven by ModelConfig.
//
// Layers are the outer loop. In prefill a layer runs over the whole prompt in token chunks
// (attention exact), then the sink may score and compact that layer before the next one starts, so
// the peak is the budget plus one full layer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cache/kv_cache.hpp"
#include "model/config.hpp"

namespace at {
class Tensor;
}

namespace kvhost {

class Weights;
struct SpreadQueries;

// What the composition wants to see of the forward. 0 = nothing, -1 = of all tokens.
struct CaptureRequest {
  int64_t query_window = 0;   // post-RoPE queries of the last W tokens
  int64_t hidden_window = 0;  // inputs of the attention block (after its norm) of the last W tokens
  // Likewise queries of n tokens spread over all, for each n; what query_window covers anyway is not
  // captured twice.
  std::vector<int64_t> query_spreads = {};
};

struct LayerCapture {
  const at::Tensor* queries = nullptr;  // [n_heads, W, head_dim], null when not asked for
  const at::Tensor* hidden = nullptr;   // [W, hidden_size]
  const SpreadQueries* spread = nullptr;
};

// Called after a layer's forward, in layer order. It may change this layer of the cache.
using LayerSink = std::function<void(int64_t layer, const LayerCapture&)>;
// Called now and then with the share done in [0, 1]; throw to stop (Ctrl-C).
using ProgressSink = std::function<void(double)>;

struct ForwardOptions {
  bool all_logits = false;  // logits of every token rather than of the last one
  CaptureRequest capture;
  LayerSink sink;
  ProgressSink progress;
};

class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const Weights> weights);
  ~Decoder();

  const ModelConfig& config() const;
  CacheLayout cache_layout() const;

  // A Forward of one sequence, run to its end: processes tokens at positions cache.n_seen()..,
  // appends their K and V, advances the cache. Works for prefill (n_seen = 0), single tokens and
  // blocks of several (each token sees the cached entries and the block causally). Returns float32
  // logits, [1 or n_tokens, vocab_size].
  at::Tensor forward(std::span<const int32_t> tokens,
                     KvCache& cache,
                     const ForwardOptions& options = {}) const;

  // [hidden_size, n_heads * head_dim] of a layer's output projection, in the model's dtype: a view,
  // or unpacked where it is stored quantised.
  at::Tensor output_weight(int64_t layer) const;
  const Weights& weights() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost
