// SPDX-License-Identifier: Apache-2.0
// One layer of the fast decoder over all tokens of a forward, in chunks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "cache/kv_cache.hpp"
#include "model/decoder.hpp"
#include "model/rotary_table.hpp"
#include "model/weights.hpp"

namespace kvhost {

// What all layers of a forward share.
struct ForwardFrame {
  const Weights& weights;
  const RotaryTable& rotary;
  const CaptureRequest& capture;
  int64_t first_position = 0, n_tokens = 0;
};

class LayerPass {
 public:
  LayerPass(const ForwardFrame& frame, int64_t layer, KvCache& cache);

  // x: [n_tokens, hidden_size], the residual stream, updated in place. Calls chunk_done(tokens
  // done) after each chunk.
  void run(at::Tensor& x, const std::function<void(int64_t)>& chunk_done);

  LayerCapture captured() const;

 private:
  struct Chunk {
    int64_t first = 0, n = 0;  // tokens of the forward
  };

  void run_chunk(const Chunk& chunk, const at::Tensor& x);
  at::Tensor attention(const Chunk& chunk, const at::Tensor& normed);  // [n, hidden] -> [n, hidden]
  at::Tensor place_qkv(const Chunk& chunk,
                       const at::Tensor& normed);  // -> queries [n_heads, n, head_dim]
  at::Tensor attend(const Chunk& chunk, const at::Tensor& queries);  // -> [n, n_heads * head_dim]
  at::Tensor mlp(const at::Tensor& normed) const;                    // [n, hidden] -> [n, hidden]
  at::Tensor norm(const Norm& weights, const at::Tensor& x) const;   // [n, hidden] -> [n, hidden]

  const ForwardFrame& frame_;
  const ModelConfig& config_;
  const LayerWeights& weights_;
  DType dtype_;
  int64_t layer_;
  KvCache& cache_;
  std::vector<int64_t> first_entry_;  // [n_kv_heads] of this forward's tokens
  at::Tensor queries_;                // [n_heads, W, head_dim] of the last W tokens, when asked for
  at::Tensor hidden_;                 // [W, hidden_size], when asked for
};

// [n, hidden] -> [n, hidden]
at::Tensor apply_norm(const ModelConfig& config,
                      DType dtype,
                      const Norm& weights,
                      const at::Tensor& x);

}  // namespace kvhost
