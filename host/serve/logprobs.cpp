// SPDX-License-Identifier: Apache-2.0
#include "serve/logprobs.hpp"

#include <algorithm>

#include "base/ranking.hpp"

namespace kvhost {

TokenLogprob token_logprob(std::span<const float> logits, int32_t token, int64_t n_top) {
  const std::vector<float> all = log_softmax(logits);
  TokenLogprob out{token, all[static_cast<size_t>(token)], {}};
  const auto n = std::min(static_cast<size_t>(n_top), all.size());
  if (n == 0) return out;
  Ranking ranked(all);
  for (size_t rank = 0; rank < n; ++rank)
    out.top.emplace_back(ranked[rank], all[static_cast<size_t>(ranked[rank])]);
  return out;
}

}  // namespace kvhost
