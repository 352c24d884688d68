// SPDX-License-Identifier: Apache-2.0
#include "serve/logprobs.hpp"

#include <algorithm>
#include <numeric>

namespace kvhost {

TokenLogprob token_logprob(std::span<const float> logits, int32_t token, int64_t n_top) {
  const std::vector<float> all = log_softmax(logits);
  TokenLogprob out{token, all[static_cast<size_t>(token)], {}};
  const auto n = std::min(static_cast<size_t>(n_top), all.size());
  if (n == 0) return out;
  std::vector<int32_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(),
                    order.begin() + static_cast<std::ptrdiff_t>(n),
                    order.end(),
                    [&](int32_t a, int32_t b) {
                      const float x = all[static_cast<size_t>(a)], y = all[static_cast<size_t>(b)];
                      return x != y ? x > y : a < b;
                    });
  for (size_t i = 0; i < n; ++i)
    out.top.emplace_back(order[i], all[static_cast<size_t>(order[i])]);
  return out;
}

}  // namespace kvhost
