// SPDX-License-Identifier: Apache-2.0
// Attention of few queries over ragged heads. Levels (portable, avx2, avx512, avx512_bf16) are
// chosen at run time and can be forced with KVHOST_CPU=portable|avx2|avx512|avx512_bf16.
#pragma once

#include <cstdint>

#include "cache/kv_cache.hpp"

namespace kvhost {

struct AttentionShape {
  int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  int64_t q_len = 0;           // queries per head
  int64_t sliding_window = 0;  // keys at positions <= query position - window are not seen; 0: all
  float scale = 0;             // 1 / sqrt(head_dim)
  float softcap = 0;           // scaled scores s -> softcap * tanh(s / softcap); 0: none
  // [n_heads] a logit more in each head's softmax, whose weight goes to no entry; null: none
  const float* sinks = nullptr;
  DType dtype = DType::Float32;
};

// out = softmax(q K^T * scale) V. Query i stands at position first_position + i and sees the
// entries of its KV head whose position is <= its own. Work is split by tokens over all heads, so
// unequal heads cost no more than equal ones. queries, out: [n_heads, q_len, head_dim] contiguous,
// in shape.dtype. heads: [n_kv_heads]. Pruned keys are read as they lie, with the queries' channels
// that they hold. An entry's bias is added to its scaled, capped score, here and below.
void ragged_attention(const AttentionShape& shape,
                      const HeadSpan* heads,
                      const void* queries,
                      int64_t first_position,
                      void* out);

// Softmax rows of `q_len` queries over all entries, float32: out[h] is [group_size, q_len,
// heads[h].n], 0 where a query may not see an entry. With sinks a row sums to less than 1. Queries
// as above; keys must be whole.
void window_attention(const AttentionShape& shape,
                      const HeadSpan* heads,
                      const void* queries,
                      int64_t first_position,
                      float* const* out);

const char* cpu_level();  // what runs here: "avx512_bf16", ...

}  // namespace kvhost
