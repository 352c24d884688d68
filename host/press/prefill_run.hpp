// SPDX-License-Identifier: Apache-2.0
// Compression of one prompt: fed layer by layer by the decoder, cuts each layer as early as the
// composition allows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "press/cutter.hpp"
#include "press/layer_budgets.hpp"
#include "press/press.hpp"

namespace kvhost {

// What a run may want to see afterwards; filled only where asked for.
struct PressTrace {
  bool keep_scores = false;
  std::vector<std::vector<std::vector<float>>>
      scores;  // [n_layers][n_kv_heads][kv_len] as the first stage's scorer returned them
};

class PrefillRun {
 public:
  PrefillRun(const Press& press,
             const Decoder& decoder,
             KvCache& cache,
             int64_t total_entries,
             int64_t kv_len,
             uint64_t seed,
             Timings& timings,
             PressTrace& trace);

  // The decoder's sink.
  void on_layer(int64_t layer, const LayerCapture& capture);
  // After the last layer: the final cuts.
  void finish();

  const LayerBudgets& budgets() const;
  int64_t peak_extra_bytes() const {
    return peak_extra_bytes_;
  }  // highest size of retained scores and windows

 private:
  struct Held {  // what waits for the final budgets
    LayerScores scores;
    at::Tensor queries, hidden;
    int64_t entries = 0;  // held by the cache
  };

  LayerInputs inputs(int64_t layer, const at::Tensor* queries, const at::Tensor* hidden) const;
  LayerInputs held_inputs(int64_t layer) const;
  void observe(LayerData& data);
  LayerScores score(LayerData& data, int64_t layer);
  void apply(size_t stage, const LayerInputs& inputs);
  void apply_later_stages(const LayerInputs& inputs);
  void divide_known();
  void cut_progressively(LayerData& data, int64_t layer);
  void shrink_earlier(int64_t layer, const LayerBudgets& provisional);
  void cut_held(int64_t layer, int64_t entries);
  void retain_windows(int64_t layer, const LayerCapture& capture);
  LayerBudgets divide_first(int64_t n_observed);
  void note_extra();

  const Press& press_;
  const Decoder& decoder_;
  KvCache& cache_;
  kvh_exec exec_;
  LayerBounds bounds_;
  int64_t total_entries_;
  int64_t first_total_;  // what the first stage leaves
  Timings& timings_;
  PressTrace& trace_;
  std::deque<StageRun> stages_;        // the first may wait for the prompt; the later ones never do
  std::vector<LayerBudgets> budgets_;  // by stage; empty in one that selects nothing
  std::vector<Held> held_;             // by layer, of the first stage
  int64_t peak_extra_bytes_ = 0;
};

}  // namespace kvhost
