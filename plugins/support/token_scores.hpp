// SPDX-License-Identifier: Apache-2.0
// One score per token, for methods that rank tokens and not entries: every KV head keeps the best of
// those that it holds. An earlier cut may have left other tokens in each.
#pragma once

#include <kvhost/sdk.hpp>

namespace kvhost::plugins {

// Tokens that some head of a layer holds, numbered by position.
class HeldTokens {
 public:
  explicit HeldTokens(const sdk::Layer& layer) : n_heads_(layer.n_kv_heads()) {
    const sdk::Head first = layer.head(0);
    positions_.assign(first.positions(), first.positions() + first.n_entries());
    same_ = true;
    for (int32_t h = 1; h < n_heads_ && same_; ++h) same_ = holds_all(layer.head(h));
    if (same_) return;
    for (int32_t h = 1; h < n_heads_; ++h) add(layer.head(h));
    std::sort(positions_.begin(), positions_.end());
    positions_.erase(std::unique(positions_.begin(), positions_.end()), positions_.end());
    for (int32_t h = 0; h < n_heads_; ++h) number(layer.head(h));
  }

  int64_t size() const { return static_cast<int64_t>(positions_.size()); }
  // The token that entry i of head h is of.
  int64_t of(int32_t h, int64_t i) const {
    return same_ ? i : of_[static_cast<size_t>(h)][static_cast<size_t>(i)];
  }
  int64_t n_entries(int32_t h) const {
    return same_ ? size() : static_cast<int64_t>(of_[static_cast<size_t>(h)].size());
  }

  // `scores` of tokens to the entries of every head.
  void hand_out(const std::vector<float>& scores, const sdk::Scores& out) const {
    for (int32_t h = 0; h < n_heads_; ++h)
      for (int64_t i = 0; i < n_entries(h); ++i)
        out.row(h)[i] = scores[static_cast<size_t>(of(h, i))];
  }

  // Scores that make every head keep tokens from the front of `order`, which names each once,
  // whatever its budget is: the last gets 0.
  void rank(const std::vector<int32_t>& order, const sdk::Scores& out) const {
    std::vector<float> scores(order.size());
    for (size_t rank = 0; rank < order.size(); ++rank)
      scores[static_cast<size_t>(order[rank])] = static_cast<float>(order.size() - 1 - rank);
    hand_out(scores, out);
  }

 private:
  bool holds_all(const sdk::Head& head) const {
    return head.n_entries() == size() &&
           std::equal(head.positions(), head.positions() + size(), positions_.begin());
  }

  void add(const sdk::Head& head) {
    positions_.insert(
        positions_.end(), head.positions(), head.positions() + head.n_entries());
  }

  void number(const sdk::Head& head) {
    std::vector<int64_t> tokens;
    int64_t token = 0;  // both ascend
    for (int64_t i = 0; i < head.n_entries(); ++i) {
      while (positions_[static_cast<size_t>(token)] != head.position(i)) ++token;
      tokens.push_back(token);
    }
    of_.push_back(std::move(tokens));
  }

  int32_t n_heads_;
  bool same_ = false;                     // all heads hold all of them
  std::vector<int32_t> positions_;        // of the tokens, ascending
  std::vector<std::vector<int64_t>> of_;  // [n_kv_heads][n_entries] tokens; empty where same_
};

// [tokens.size()] the inner scorer's scores summed over KV heads; of a token that only some hold,
// their mean for the others. Entries it pins count as its largest score plus one, as in kvpress.
inline std::vector<float> summed_scores(const sdk::Child& inner,
                                        const sdk::Layer& layer,
                                        const HeldTokens& tokens,
                                        const sdk::Scores& out) {
  sdk::ScoreBuffer buffer(out);
  sdk::Scores scores = buffer.scores();
  inner.score(layer, scores);
  scores.set_pinned_to_max_plus_one();
  std::vector<float> sum(static_cast<size_t>(tokens.size()), 0.0f);
  std::vector<int32_t> n_holders(sum.size(), 0);
  for (int32_t h = 0; h < scores.n_kv_heads(); ++h)
    for (int64_t i = 0; i < scores.n_entries(h); ++i) {
      const auto token = static_cast<size_t>(tokens.of(h, i));
      sum[token] += scores.row(h)[i];
      ++n_holders[token];
    }
  for (size_t t = 0; t < sum.size(); ++t)
    if (n_holders[t] < scores.n_kv_heads())
      sum[t] *= static_cast<float>(scores.n_kv_heads()) / static_cast<float>(n_holders[t]);
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
