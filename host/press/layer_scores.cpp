// SPDX-License-Identifier: Apache-2.0
#include "press/layer_scores.hpp"

namespace kvhost {

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
