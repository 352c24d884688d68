// SPDX-License-Identifier: Apache-2.0
// Scores of one layer, and what is done with them: budgets per head, selection, edits, compaction.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cache/kv_cache.hpp"
#include "measure/run_report.hpp"
#include "method/layer_data.hpp"
#include "press/layer_scores.hpp"
#include "press/stage.hpp"

namespace kvhost {

class Cutter {
 public:
  Cutter(const Stage& stage, StageState& state, KvCache& cache, Timings& timings)
      : stage_(stage), state_(state), cache_(cache), timings_(timings) {}

  // Runs the stage's scorer. Scores that are not finite are an Error naming method, layer and
  // head.
  LayerScores score(LayerData& data, int64_t layer);

  // Cuts `layer` to `entries` over all its heads, or, in a stage that selects nothing, only lets
  // its press rewrite the layer. `data` shows the layer as it is now. `heads`: entries of each head,
  // where the layer allocator gave them and no head allocator divides anew. Returns what was kept.
  KeepPlan cut(LayerData& data,
               int64_t layer,
               int64_t entries,
               LayerScores& scores,
               std::span<const int64_t> heads = {});

 private:
  KeepPlan select(LayerData& data,
                  int64_t layer,
                  int64_t entries,
                  std::span<const int64_t> heads,
                  LayerScores& scores);
  std::vector<int64_t> head_budgets(LayerData& data,
                                    int64_t layer,
                                    int64_t entries,
                                    std::span<const int64_t> heads,
                                    LayerScores& scores);
  void check_budgets(const Instance& allocator,
                     int64_t layer,
                     int64_t entries,
                     const std::vector<int64_t>& budgets,
                     const std::vector<int64_t>& n_entries) const;

  const Stage& stage_;
  StageState& state_;
  KvCache& cache_;
  Timings& timings_;
};

// One stage at work on one sequence.
struct StageRun {
  StageRun(const Stage& stage, const kvh_sequence_info& info, KvCache& cache, Timings& timings)
      : stage(stage), state(stage, info), cutter(stage, state, cache, timings) {}
  // With states that were saved.
  StageRun(const Stage& stage,
           const kvh_sequence_info& info,
           SavedStates& saved,
           KvCache& cache,
           Timings& timings)
      : stage(stage), state(stage, info, saved), cutter(stage, state, cache, timings) {}
  // Goes on as `from` would.
  StageRun(const StageRun& from, KvCache& cache, Timings& timings)
      : stage(from.stage), state(from.state), cutter(stage, state, cache, timings) {}
  const Stage& stage;
  StageState state;
  Cutter cutter;
};

}  // namespace kvhost
