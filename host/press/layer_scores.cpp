// SPDX-License-Identifier: Apache-2.0
#include "press/layer_scores.hpp"

#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "kernels/select.hpp"
#include "method/fence.hpp"

namespace kvhost {
void check_finite(const Instance& method, int64_t layer, const LayerScores& scores) {
  for (size_t h = 0; h < scores.scores.size(); ++h) {
    const auto& row = scores.scores[h];
    const int64_t bad = first_not_finite(row.data(), static_cast<int64_t>(row.size()));
    if (bad < 0) continue;
    run_failed(method.name() + ", layer " + std::to_string(layer),
               "the score of entry " + std::to_string(bad) + " in KV head " + std::to_string(h) +
                   " is not a finite number (or was not written); expected finite float32 "
                   "scores; are the model's keys finite?");
  }
}

// One block, so that rows are adjacent as the SDK promises for prefill; NaN shows what was left
// unwritten. Rows are copied out of it, so that a layer's scores can shrink head by head with its
// cuts.
LayerScores collect_scores(const Instance& method,
                           const char* function,
                           int64_t layer,
                           const std::vector<int64_t>& n_entries,
                           const std::function<void(kvh_scores*)>& write) {
  const int64_t total = std::accumulate(n_entries.begin(), n_entries.end(), int64_t{0});
  Fenced<float> block(static_cast<size_t>(total), std::numeric_limits<float>::quiet_NaN());
  Fenced<int8_t> pin_block(static_cast<size_t>(total), 0);
  std::vector<float*> rows;
  std::vector<int8_t*> pins;
  int64_t offset = 0;
  for (const int64_t n : n_entries) {
    rows.push_back(block.data() + offset);
    pins.push_back(pin_block.data() + offset);
    offset += n;
  }
  kvh_scores out{sizeof(kvh_scores),
                 static_cast<int32_t>(rows.size()),
                 n_entries.data(),
                 rows.data(),
                 pins.data()};
  write(&out);
  method.check_fence(function, layer, block.broken(), "scores");
  method.check_fence(function, layer, pin_block.broken(), "pins");
  LayerScores scores;
  for (size_t h = 0; h < rows.size(); ++h) {
    scores.scores.emplace_back(rows[h], rows[h] + n_entries[h]);
    scores.pins.emplace_back(pins[h], pins[h] + n_entries[h]);
  }
  check_finite(method, layer, scores);
  return scores;
}

int64_t LayerScores::bytes() const {
  int64_t total = 0;
  for (const auto& row : scores) total += static_cast<int64_t>(row.capacity() * sizeof(float));
  for (const auto& row : pins) total += static_cast<int64_t>(row.capacity());
  return total;
}

void LayerScores::gather(const KeepPlan& keep) {
  for (size_t h = 0; h < scores.size(); ++h) {
    const auto& kept = keep.heads[h];
    for (size_t i = 0; i < kept.size(); ++i) {
      scores[h][i] = scores[h][kept[i]];
      pins[h][i] = pins[h][kept[i]];
    }
    scores[h].resize(kept.size());
    pins[h].resize(kept.size());
    scores[h].shrink_to_fit();
    pins[h].shrink_to_fit();
  }
}

ScoresView::ScoresView(LayerScores& of) {
  for (auto& row : of.scores) {
    n_entries_.push_back(static_cast<int64_t>(row.size()));
    scores_.push_back(row.data());
  }
  for (auto& row : of.pins) pins_.push_back(row.data());
  c_ = {sizeof(kvh_scores),
        static_cast<int32_t>(scores_.size()),
        n_entries_.data(),
        scores_.data(),
        pins_.data()};
  read_ = {sizeof(kvh_score_view), c_.n_kv_heads, c_.n_entries, c_.scores, c_.pins};
}

}  // namespace kvhost
