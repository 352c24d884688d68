// SPDX-License-Identifier: Apache-2.0
// Scores of one layer, and what is done with them: budgets per head, selection, edits, compaction.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cache/kv_cache.hpp"
#include "press/layer_data.hpp"
#include "press/press.hpp"
#include "report/run_report.hpp"

namespace kvhost {

// Ragged scores and pins of one layer.
struct LayerScores {
  std::vector<std::vector<float>> scores;  // [n_kv_heads][n]
  std::vector<std::vector<int8_t>> pins;

  int64_t bytes() const;
  void gather(const KeepPlan& keep);  // follow a compaction
};

class Cutter {
 public:
  Cutter(const Press& press, PressState& state, KvCache& cache, Timings& timings)
      : press_(press), state_(state), cache_(cache), timings_(timings) {}

  // Runs the composition's scorer. Scores that are not finite are an Error naming method, layer and
  // head.
  LayerScores score(LayerData& data, int64_t layer);

  // Cuts `layer` to `entries` over all its heads. `data` shows the layer as it is now. Returns what
  // was kept.
  KeepPlan cut(LayerData& data, int64_t layer, int64_t entries, LayerScores& scores);

 private:
  std::vector<int64_t> head_budgets(LayerData& data,
                                    int64_t layer,
                                    int64_t entries,
                                    LayerScores& scores);
  std::vector<std::vector<float>> edit(LayerData& data, const KeepPlan& keep);
  void store_values(int64_t layer, const std::vector<std::vector<float>>& values);

  const Press& press_;
  PressState& state_;
  KvCache& cache_;
  Timings& timings_;
};

}  // namespace kvhost
