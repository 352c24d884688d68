// SPDX-License-Identifier: Apache-2.0
// What a press rewrites: kept entries out of the cache, through the press, and back after the
// compaction.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/kv_cache.hpp"
#include "kvhost/bias.h"
#include "method/fence.hpp"
#include "method/layer_data.hpp"
#include "press/layer_scores.hpp"
#include "press/stage.hpp"

namespace kvhost {

class Editor {
 public:
  // Copies the kept entries out and lets the stage's press rewrite what it declared to edit.
  Editor(const Stage& stage,
         StageState& state,
         KvCache& cache,
         LayerData& data,
         const KeepPlan& keep,
         const LayerScores& scores);
  // After the compaction.
  void store() const;

 private:
  std::vector<Fenced<float>> copy_out(const KeepPlan& keep, bool keys) const;
  void copy_in(const std::vector<Fenced<float>>& rows, bool keys) const;
  void call(LayerData& data, StageState& state, kvh_edit& edit);
  void copy_biases(const KeepPlan& keep);
  void check_fences() const;
  // Of `width` numbers an entry, none of them beyond `largest`.
  void check_finite(const std::vector<Fenced<float>>& rows,
                    int64_t width,
                    double largest,
                    const char* what) const;
  void check_positions(int64_t n_seen) const;
  ChannelPlan kept_channels() const;

  const Stage& stage_;
  KvCache& cache_;
  int64_t layer_;
  std::vector<Fenced<float>> values_, keys_;  // [n_kv_heads][n_kept * d]; empty: not edited
  std::vector<Fenced<int32_t>> positions_;    // [n_kv_heads][n_kept]
  std::vector<Fenced<uint8_t>> channels_;     // [n_kv_heads][d]
  const kvh_bias_press* with_biases_;         // null: the press edits none
  std::vector<std::vector<float>> held_biases_;  // [n_kv_heads][n]; empty: all 0
  std::vector<Fenced<float>> biases_;            // [n_kv_heads][n_kept]
};

// The C form of a KeepPlan.
struct KeepRows {
  std::vector<const int32_t*> rows;
  std::vector<int64_t> lengths;
  explicit KeepRows(const KeepPlan& keep);
};

}  // namespace kvhost
