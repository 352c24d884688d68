// SPDX-License-Identifier: Apache-2.0
// One layer of the fast decoder over the rows of all stretches of a forward, in chunks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "cache/kv_cache.hpp"
#include "kernels/row_kernels.hpp"
#include "model/decoder.hpp"
#include "model/low_rank.hpp"
#include "model/rotary_table.hpp"
#include "model/spread_queries.hpp"
#include "model/weights.hpp"

namespace kvhost {

// One sequence's rows of a forward.
struct StretchRows {
  PositionTables positions;
  const CaptureRequest* capture = nullptr;
  KvCache* cache = nullptr;
  int64_t first_position = 0, n_tokens = 0;
  int64_t first_row = 0;  // of the residual stream
  const LowRankChanges* changes = nullptr;
};

class LayerPass {
 public:
  LayerPass(const Weights& weights, const std::vector<StretchRows>& stretches, int64_t layer);

  // x: [n_rows, hidden_size], the residual stream, updated in place. Calls chunk_done(rows done)
  // after each chunk.
  void run(at::Tensor& x, const std::function<void(int64_t)>& chunk_done);

  LayerCapture captured(size_t stretch) const;

 private:
  // What a stretch gets from this layer.
  struct Output {
    std::vector<int64_t> first_entry;  // [n_kv_heads] of this forward's tokens in the cache
    // [n_heads, W, head_dim] of the last W tokens, when asked for
    at::Tensor queries;
    at::Tensor hidden;  // [W, hidden_size], when asked for
    SpreadQueries spread;  // no tokens where nothing was asked for
  };
  // The tokens of one stretch that lie in a chunk.
  struct Part {
    size_t stretch = 0;
    int64_t first = 0, n = 0;  // tokens of the stretch
    int64_t row = 0;           // of the chunk
  };
  // Projected heads of a chunk: element (token, head, d) of `rows` at first + token * token_stride +
  // head * head_stride + d. Not a view: making one takes as long as placing a token's heads.
  struct Heads {
    at::Tensor rows;
    int64_t n_heads = 0, first = 0, token_stride = 0, head_stride = 0;
  };
  struct Projected {
    Heads queries, keys, values;
  };
  // Where each head's rows of a part go.
  struct Places {
    std::vector<void*> queries, keys, values;
  };

  std::vector<Part> parts_of(int64_t first_row, int64_t n_rows) const;
  void run_chunk(const std::vector<Part>& parts, const at::Tensor& x);
  at::Tensor attention(const std::vector<Part>& parts,
                       const at::Tensor& normed);  // [n, hidden] -> [n, hidden]
  Projected project(const at::Tensor& normed) const;
  // -> the part's queries [n_heads, n, head_dim]; keys and values go to the cache
  at::Tensor place(const Part& part, const Projected& qkv) const;
  PlaceArgs place_args(const Part& part, const Heads& heads) const;
  Places places(const Part& part, const at::Tensor& queries) const;
  // -> [n, n_heads * head_dim]
  at::Tensor attend(const Part& part, const at::Tensor& queries) const;
  at::Tensor mlp(const at::Tensor& normed) const;                   // [n, hidden] -> [n, hidden]
  at::Tensor dense_mlp(const at::Tensor& normed) const;             // likewise
  // [n, hidden] -> [n, hidden]; x itself where the family has no such norm
  at::Tensor norm(const Norm& weights, const at::Tensor& x) const;
  // What the pass changes of a matrix, where it changes any.
  void change(ChangedRole role, const at::Tensor& x, at::Tensor& out) const;
  // Adds what attention or MLP gave to the residual stream.
  void add(const at::Tensor& output, const Norm& post_norm, const at::Tensor& x) const;

  const std::vector<StretchRows>& stretches_;
  const ModelConfig& config_;
  const LayerWeights& weights_;
  DType dtype_;
  int64_t layer_;
  std::vector<Output> out_;  // by stretch
};

// [n, hidden] -> [n, hidden]
at::Tensor apply_norm(const ModelConfig& config,
                      DType dtype,
                      const Norm& weights,
                      const at::Tensor& x);

}  // namespace kvhost
