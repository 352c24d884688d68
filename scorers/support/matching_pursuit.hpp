// SPDX-License-Identifier: Apache-2.0
// Orthogonal matching pursuit of the queries' sums (arXiv:2602.16284): one entry after the other, the
// one that adds most of what is still missing. Holds [queries, entries] of one KV head, float32.
#pragma once

#include "matching.hpp"

namespace kvhost::scorers {

// How the pursuit goes: so many keys at once, weights solved every so many times, keys of a bias below
// `drop_below` replaced, at most `rounds` times.
struct PursuitRule {
  int64_t at_once = 1, solve_every = 1;
  double highest = 7, drop_below = -7;
  int64_t n_rounds = 3;
};

// What take() gives are the head's entries that were taken, in order, `t` of them or fewer.
class Pursuit {
 public:
  Pursuit(const Matched& head, const PursuitRule& rule) : rule_(rule) {
    const Numerators all(head.scores(head.queries));
    weights_ = all.weights;
    sums_ = all.sums.squeeze(-1).to(at::kDouble);
    open_ = at::ones({head.keys.size(0)}, at::kBool);
  }

  std::vector<int64_t> take(int64_t t) {
    t = std::min(t, weights_.size(1));
    for (int64_t round = 0; round <= rule_.n_rounds; ++round) {
      pursue(t);
      if (round == rule_.n_rounds || !drop_weak()) break;
    }
    return taken_;
  }

 private:
  void pursue(int64_t t) {
    int64_t since = 0;
    if (!taken_.empty()) solve();
    while (static_cast<int64_t>(taken_.size()) < t) {
      const auto n = std::min(rule_.at_once, t - static_cast<int64_t>(taken_.size()));
      const int64_t n_open = open_.sum().item<int64_t>();
      if (n_open == 0) return;
      const at::Tensor rest = taken_.empty() ? sums_ : sums_ - columns_.mv(solved_);
      const at::Tensor gains =
          weights_.t().mv(rest.to(at::kFloat)).masked_fill(open_.logical_not(), -INFINITY);
      const at::Tensor best = std::get<1>(gains.topk(std::min(n, n_open)));
      for (int64_t i = 0; i < best.size(0); ++i) add(best[i].item<int64_t>());
      const bool last = static_cast<int64_t>(taken_.size()) >= t;
      if (++since % rule_.solve_every == 0 || last) solve();
    }
  }

  void add(int64_t entry) {
    taken_.push_back(entry);
    open_[entry] = false;
    const at::Tensor column = weights_.select(1, entry).to(at::kDouble).unsqueeze(1);
    columns_ = columns_.defined() ? at::cat({columns_, column}, 1) : column;
    solved_ = solved_.defined() ? at::cat({solved_, at::zeros({1}, at::kDouble)})
                                : at::zeros({1}, at::kDouble);
  }

  void solve() {
    const at::Tensor gram = columns_.t().matmul(columns_);
    solved_ = bounded_weights(
        gram, columns_.t().mv(sums_), {std::log(1e-12), rule_.highest, /*n_steps=*/0});
  }

  // Entries that hardly count go for good. Whether there were any.
  bool drop_weak() {
    std::vector<int64_t> strong;
    std::vector<int64_t> places;
    for (size_t i = 0; i < taken_.size(); ++i) {
      const auto place = static_cast<int64_t>(i);
      if (std::log(solved_[place].item<double>()) < rule_.drop_below) continue;
      strong.push_back(taken_[i]);
      places.push_back(place);
    }
    if (strong.size() == taken_.size()) return false;
    taken_ = strong;
    const at::Tensor index = at::tensor(places, at::kLong);
    columns_ = columns_.index_select(1, index);
    solved_ = solved_.index_select(0, index);
    return true;
  }

  PursuitRule rule_;
  at::Tensor weights_;  // [n, T] float
  at::Tensor sums_;     // [n] double: what is to be matched
  at::Tensor open_;     // [T] may still be taken
  std::vector<int64_t> taken_;
  at::Tensor columns_;  // [n, taken] double
  at::Tensor solved_;   // [taken] their weights; 0 of those that came after the last solve
};

}  // namespace kvhost::scorers
