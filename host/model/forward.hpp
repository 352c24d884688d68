// SPDX-License-Identifier: Apache-2.0
// A pass of the decoder that can be paused: stretches of tokens of several sequences go through the
// layers together. Layers are the outer loop; linear layers run over the rows of all stretches at
// once, so that their weights are read once, attention over each sequence's own cache.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cache/kv_cache.hpp"
#include "model/decoder.hpp"

namespace kvhost {

struct LowRankChanges;

// One sequence's part. Tokens stand at positions cache->n_seen().. and see what the cache holds and
// the stretch itself causally. Everything is borrowed until the pass is done.
struct Stretch {
  std::span<const int32_t> tokens;
  KvCache* cache = nullptr;  // every stretch its own
  bool all_logits = false;   // of every token rather than of the last one
  CaptureRequest capture;
  LayerSink sink;  // after each layer of this stretch, in layer order
  // [n, hidden_size] of the model's dtype, as they enter the first layer, instead of tokens.
  const at::Tensor* rows = nullptr;
  const LowRankChanges* changes = nullptr;  // in a pass of one stretch
};

class Forward {
 public:
  // Throws Error where tokens are none or unknown to the model.
  Forward(const Decoder& decoder, std::vector<Stretch> stretches);
  ~Forward();

  // Runs one layer over all stretches; after the last one the caches are advanced. False when there
  // was nothing left to do. When a sink or `progress` throws, the pass and its caches are no longer
  // of use.
  bool step(const ProgressSink& progress = {});
  bool done() const;
  // Once done: float32 [1 or n_tokens, vocab_size] of a stretch.
  at::Tensor logits(size_t stretch) const;
  // Once done: those of every token of a stretch, float32 [n, vocab_size], some tokens at a time:
  // never all of them in memory.
  void each_logits(size_t stretch, const std::function<void(const at::Tensor& rows)>& take) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost
