// SPDX-License-Identifier: Apache-2.0
// What was computed of tokens, for the entries that a head holds of them.
#pragma once

#include <kvhost/torch.hpp>

namespace kvhost::scorers {

// scores [n] float32 of the tokens at positions first.. to the entries that hold them.
inline void hand_out(const sdk::Head& head, int64_t first, const at::Tensor& scores, float* to) {
  const float* from = scores.const_data_ptr<float>();
  const int64_t end = head.count_before(first + scores.size(0));
  for (int64_t i = head.count_before(first); i < end; ++i) to[i] = from[head.position(i) - first];
}

}  // namespace kvhost::scorers
