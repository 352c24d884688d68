// SPDX-License-Identifier: Apache-2.0
// How large a value arrives in the residual stream: the L2 norm of v through each query head's part
// of the output projection W. |W v|^2 = v'(W'W)v, so that no vector of the hidden size is made.
#pragma once

#include <kvhost/torch.hpp>

namespace kvhost::scorers {

// Of entries [first, first + n) of every head -> [n_heads, n] float32. Needs KVH_T_OUTPUT_WEIGHT.
inline at::Tensor output_norms(const sdk::Layer& layer, int64_t first, int64_t n) {
  const int64_t d = layer.head_dim();
  const at::Tensor weight = sdk::as_tensor(layer.get(KVH_T_OUTPUT_WEIGHT))
                                .to(at::kDouble)
                                .t()
                                .reshape({layer.n_heads(), d, -1});  // [n_heads, d, hidden_size]
  const at::Tensor gram = at::bmm(weight, weight.transpose(1, 2));   // -> [n_heads, d, d]
  at::Tensor norms = at::empty({layer.n_heads(), n}, at::kFloat);
  for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
    const at::Tensor values =
        sdk::as_tensor(layer.head(h).values().raw()).narrow(0, first, n).to(at::kDouble);  // [n, d]
    for (int32_t g = h * layer.group_size(); g < (h + 1) * layer.group_size(); ++g)
      norms[g].copy_(values.matmul(gram[g]).mul_(values).sum(/*dim=*/1).clamp_min_(0).sqrt_());
  }
  return norms;
}

}  // namespace kvhost::scorers
