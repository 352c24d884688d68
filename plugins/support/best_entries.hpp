// SPDX-License-Identifier: Apache-2.0
// The host's order of entries inside one head, for methods that select in steps of their own.
#pragma once

#include <kvhost/sdk.hpp>

namespace kvhost::plugins {

// Indices of the best min(k, n) entries, best first: pin descending, score descending, position
// ascending (descending among entries pinned to stay). Positions ascend with the index.
inline std::vector<int32_t> best_entries(const float* scores,
                                         const int8_t* pins,
                                         int64_t n,
                                         int64_t k) {
  std::vector<int32_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int32_t a, int32_t b) {
    if (pins[a] != pins[b]) return pins[a] > pins[b];
    if (pins[a] > 0) return a > b;
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  k = std::min(k, n);
  std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
  order.resize(static_cast<size_t>(k));
  return order;
}

// An even split of the layer's budget as the host makes it: what does not divide goes to the first
// heads.
inline int64_t even_share(const sdk::Layer& layer, int32_t h) {
  const int64_t heads = layer.n_kv_heads(), budget = layer.layer_budget();
  return std::min(budget / heads + (h < budget % heads ? 1 : 0), layer.head(h).n_entries());
}

}  // namespace kvhost::plugins
