// SPDX-License-Identifier: Apache-2.0
// What a scorer said about one layer.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/kv_cache.hpp"
#include "kvhost/method.h"

namespace kvhost {

// Ragged scores and pins of one layer.
struct LayerScores {
  std::vector<std::vector<float>> scores;  // [n_kv_heads][n]
  std::vector<std::vector<int8_t>> pins;

  int64_t bytes() const;
  void gather(const KeepPlan& keep);  // follow a compaction
};

// The C form. Borrows the scores, whose rows must not move.
class ScoresView {
 public:
  explicit ScoresView(LayerScores& of);
  ScoresView(ScoresView&&) = default;
  kvh_scores* get() { return &c_; }
  const kvh_score_view* read() const { return &read_; }

 private:
  std::vector<int64_t> n_entries_;
  std::vector<float*> scores_;
  std::vector<int8_t*> pins_;
  kvh_scores c_{};
  kvh_score_view read_{};
};

}  // namespace kvhost
