// SPDX-License-Identifier: Apache-2.0
// Layers that wait for their final budget: scores and, where they will be needed again, windows of
// queries and hidden states.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/spread_queries.hpp"
#include "press/prefill_work.hpp"

namespace kvhost {

class HeldLayers {
 public:
  explicit HeldLayers(PrefillWork& work);

  // Scores the layer now; it is not cut yet.
  void score(LayerData& data, int64_t layer);
  // From now on the layer's entries are counted, and cutting it to no fewer than it holds does
  // nothing.
  void count_entries(LayerData& data, int64_t layer);
  void retain_windows(const LayerInputs& in);
  // Cuts a layer of the first stage to `entries`; one that was not scored yet is scored first.
  void cut(int64_t layer, int64_t entries);
  // The end: divides what is left to divide and cuts every layer in every stage.
  void cut_all();

  // With the windows that were retained.
  LayerInputs inputs(int64_t layer) const;
  int64_t entries(int64_t layer) const { return layers_[layer].entries; }
  int64_t bytes() const;

 private:
  struct Held {
    LayerScores scores;
    bool scored = false;
    at::Tensor queries, hidden;
    SpreadQueries spread;
    int64_t entries = 0;  // held by the cache; 0: not counted
  };
  std::vector<ScoresView> score_all();

  PrefillWork& work_;
  std::vector<Held> layers_;
};

}  // namespace kvhost
