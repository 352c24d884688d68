// SPDX-License-Identifier: Apache-2.0
// Queries reduced to the channels that pruned keys hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/attention.hpp"

namespace kvhost {

class PrunedQueries {
 public:
  // queries: [n_heads, q_len, head_dim] in shape.dtype. Costs nothing where no head has pruned
  // keys.
  PrunedQueries(const AttentionShape& shape, const HeadSpan* heads, const void* queries);

  // Row r of a KV head, [pruned.width]: that of its query heads one after the other.
  const void* row(int64_t head, int64_t r) const;

 private:
  struct Rows {
    int64_t begin = 0, row_bytes = 0;
  };
  std::vector<Rows> heads_;
  std::vector<std::byte> bytes_;
};

}  // namespace kvhost
