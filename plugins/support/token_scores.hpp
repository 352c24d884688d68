// SPDX-License-Identifier: Apache-2.0
// One score per token, for methods that keep the same tokens in every KV head.
#pragma once

#include <kvhost/sdk.hpp>

namespace kvhost::plugins {

// [throws] KVH_E_UNSUPPORTED unless all heads hold entries of the same tokens.
inline void require_same_tokens(const sdk::Layer& layer) {
  const sdk::Head first = layer.head(0);
  const int64_t n = first.n_entries();
  for (int32_t h = 1; h < layer.n_kv_heads(); ++h) {
    const sdk::Head head = layer.head(h);
    if (head.n_entries() == n &&
        std::equal(head.positions(), head.positions() + n, first.positions()))
      continue;
    throw sdk::Error(KVH_E_UNSUPPORTED,
                     "",
                     "KV heads hold different tokens, cut by an earlier selection; expected the "
                     "same tokens in all of them");
  }
}

// The inner scorer's scores summed over KV heads: [n] float32. Entries it pins count as its largest
// score plus one, as in kvpress.
inline std::vector<float> summed_scores(const sdk::Child& inner,
                                        const sdk::Layer& layer,
                                        const sdk::Scores& out) {
  require_same_tokens(layer);
  sdk::ScoreBuffer buffer(out);
  sdk::Scores scores = buffer.scores();
  inner.score(layer, scores);
  scores.set_pinned_to_max_plus_one();
  std::vector<float> sum(static_cast<size_t>(scores.n_entries(0)), 0.0f);
  for (int32_t h = 0; h < scores.n_kv_heads(); ++h)
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += scores.row(h)[i];
  return sum;
}

// A scorer that returned NaN would be sorted anywhere: [throws] instead.
inline void require_finite(const std::vector<float>& scores, const char* inner) {
  for (size_t i = 0; i < scores.size(); ++i)
    if (!std::isfinite(scores[i]))
      throw sdk::Error(KVH_E_INTERNAL,
                       "",
                       "the score of entry " + std::to_string(i) + " by '" + inner +
                           "' is not a finite number; expected finite scores; are the model's "
                           "keys finite?");
}

}  // namespace kvhost::plugins
