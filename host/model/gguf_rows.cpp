// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_rows.hpp"

namespace kvhost {

namespace {

bool is_one_of(const std::string& tensor, std::initializer_list<const char*> names) {
  for (const std::string name : names)
    if (tensor.ends_with("." + name + ".weight") || tensor.ends_with("." + name + ".bias"))
      return true;
  return false;
}

}  // namespace

std::vector<int64_t> gguf_row_order(const GgufArchitecture& architecture,
                                    const ModelConfig& config,
                                    const std::string& tensor,
                                    int64_t n) {
  const int64_t dim = config.head_dim, half = dim / 2;
  std::vector<int64_t> order;
  if (architecture.interleaved && is_one_of(tensor, {"attn_q", "attn_k"})) {
    // Dimension i of a head's first half, then of its second, rotate together.
    for (int64_t row = 0; row < n; ++row)
      order.push_back(row / dim * dim + row % dim % half * 2 + row % dim / half);
  } else if (architecture.thirds && is_one_of(tensor, {"attn_qkv"})) {
    // [n_heads, (q, k, v), head_dim] <- [(q, k, v), n_heads, head_dim]
    for (int64_t row = 0; row < n; ++row) {
      const int64_t head = row / (3 * dim), third = row / dim % 3;
      order.push_back((third * (n / 3 / dim) + head) * dim + row % dim);
    }
  }
  return order;
}

}  // namespace kvhost
