// SPDX-License-Identifier: Apache-2.0
// Softmax rows of queries over entries, as a layer's own attention would give them.
#pragma once

#include <kvhost/torch.hpp>
#include <limits>

namespace kvhost::scorers {

// Of the last dimension. Beside a sink a row sums to less than 1: `head` is the query head of the
// first slice, the next ones follow.
inline at::Tensor softmax_beside_sinks(const at::Tensor& logits,
                                       const kvh_layer_shape& shape,
                                       int64_t head) {
  if (!shape.sinks) return at::softmax(logits, /*dim=*/-1);
  at::Tensor sinks = at::empty({logits.size(0), logits.size(1), 1});
  for (int64_t g = 0; g < logits.size(0); ++g) sinks[g].fill_(shape.sinks[head + g]);
  return at::softmax(at::cat({logits, sinks}, /*dim=*/-1), /*dim=*/-1)
      .narrow(/*dim=*/-1, 0, logits.size(2));
}

// queries [group, rows, d], keys [n, d], both float; hidden [rows, n] what a row does not see
// -> [group, rows, n]
inline at::Tensor attention_rows(const at::Tensor& queries,
                                 const at::Tensor& keys,
                                 const at::Tensor& hidden,
                                 const kvh_layer_shape& shape,
                                 int64_t head) {
  at::Tensor logits = at::matmul(queries, keys.t()).mul_(shape.scale);
  if (shape.softcap > 0) logits.div_(shape.softcap).tanh_().mul_(shape.softcap);
  logits.masked_fill_(hidden, -std::numeric_limits<float>::infinity());
  return softmax_beside_sinks(logits, shape, head);
}

// [1, n] positions of a head's entries.
inline at::Tensor entry_positions(const sdk::Head& head) {
  return at::from_blob(const_cast<int32_t*>(head.positions()), {1, head.n_entries()}, at::kInt)
      .to(at::kLong);
}

}  // namespace kvhost::scorers
