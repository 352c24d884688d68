// SPDX-License-Identifier: Apache-2.0
#include "model/chunk_attention.hpp"

#include <ATen/Functions.h>

namespace kvhost {

at::Tensor chunk_attention(const ChunkAttention& call, const at::Tensor& queries) {
  const AttentionShape& shape = call.shape;
  const int64_t width = shape.n_heads * shape.head_dim;
  // [n_heads, q_len, head_dim]; of one token that is its row already
  at::Tensor out = shape.q_len == 1 ? at::empty({1, width}, queries.options())
                                    : at::empty(queries.sizes(), queries.options());
  ragged_attention(shape,
                   call.heads.data(),
                   queries.const_data_ptr(),
                   call.first_position,
                   out.mutable_data_ptr());
  return shape.q_len == 1 ? out : out.transpose(0, 1).reshape({shape.q_len, width});
}

}  // namespace kvhost
