// SPDX-License-Identifier: Apache-2.0
// Attention of a chunk of tokens over the cache that already holds them.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/attention.hpp"

namespace kvhost {

struct ChunkAttention {
  AttentionShape shape;
  std::vector<HeadSpan> heads;  // [n_kv_heads]; the last q_len entries of each are the chunk's own
  int64_t first_position = 0;   // of the chunk
};

// queries: [n_heads, q_len, head_dim] -> [q_len, n_heads * head_dim], contiguous.
at::Tensor chunk_attention(const ChunkAttention& call, const at::Tensor& queries);

}  // namespace kvhost
