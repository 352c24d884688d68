// SPDX-License-Identifier: Apache-2.0
// What a scorer said about one layer.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cache/kv_cache.hpp"
#include "kvhost/method.h"
#include "method/instance.hpp"

namespace kvhost {

// Ragged scores and pins of one layer.
struct LayerScores {
  std::vector<std::vector<float>> scores;  // [n_kv_heads][n]
  std::vector<std::vector<int8_t>> pins;

  int64_t bytes() const;
  void gather(const KeepPlan& keep);  // follow a compaction
};

// Throws Error naming the method that wrote a score that is not finite, layer, head and entry.
void check_finite(const Instance& method, int64_t layer, const LayerScores& scores);

// What `method` writes for a layer of so many entries per head: write() has it fill the C form.
// What it leaves unwritten, infinite or out of bounds is an Error naming method, function, layer
// and head.
LayerScores collect_scores(const Instance& method,
                           const char* function,
                           int64_t layer,
                           const std::vector<int64_t>& n_entries,
                           const std::function<void(kvh_scores*)>& write);

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
