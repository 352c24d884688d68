// SPDX-License-Identifier: Apache-2.0
#include "model/chunk_attention.hpp"

#include <ATen/Functions.h>

namespace kvhost {

at::Tensor chunk_attention(const ChunkAttention& call, const at::Tensor& queries) {
  at::Tensor out = at::empty(queries.sizes(), queries.options());  // [n_heads, q_len, head_dim]
  ragged_attention(call.shape,
                   call.heads.data(),
                   queries.const_data_ptr(),
                   call.first_position,
                   out.mutable_data_ptr());
  return out.transpose(0, 1).reshape({call.shape.q_len, -1});  // -> [q_len, n_heads * head_dim]
}

}  // namespace kvhost
