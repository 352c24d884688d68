// SPDX-License-Identifier: Apache-2.0
// What the schedules of cutting share while one prompt is compressed: the stages at work, their
// budgets, and the steps of observing, scoring and cutting a layer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "method/prompt.hpp"
#include "model/decoder.hpp"
#include "press/cutter.hpp"
#include "press/layer_budgets.hpp"
#include "press/press.hpp"

namespace kvhost {

// What a run may want to see afterwards; filled only where asked for.
struct PressTrace {
  bool keep_scores = false;
  // [n_layers][n_kv_heads][kv_len] as the first stage's scorer returned them
  std::vector<std::vector<std::vector<float>>> scores;
};

// A press and the sequence it works on. All outlive the work.
struct PressedSequence {
  const Press& press;
  const Decoder& decoder;
  KvCache& cache;
  Timings& timings;
  uint64_t seed = 0;
  const SeenPrompt* prompt = nullptr;  // null where no method wants it
  int64_t n_prompt = -1;               // its tokens; -1: not known
};

// What both phases tell of a layer in the same way; the caller adds phase, lengths and windows.
LayerInputs layer_inputs(const PressedSequence& on, int64_t layer, const kvh_exec& exec);

// What methods are told of a budget, see kvh_layer.keep_ratio.
double keep_ratio_of(int64_t total, int64_t full);

// Shows a layer to the allocators of a stage that decide from all layers.
void show_allocators(StageRun& run, LayerData& data, Timings& timings);

// Refuses a prompt that a method of the press cannot work on: each begins with it, and ends.
void check_prompt(const Press& press, const SeenPrompt& prompt, uint64_t seed);

class AppendixRun;

class PrefillWork {
 public:
  PrefillWork(const PressedSequence& on, int64_t total_entries, int64_t kv_len, PressTrace& trace);
  ~PrefillWork();

  const Press& press() const { return on_.press; }
  KvCache& cache() { return on_.cache; }
  const Stage& first_stage() const { return stages_.front().stage; }
  int64_t n_layers() const { return on_.decoder.config().n_layers; }
  int64_t n_kv_heads() const { return bounds_.n_kv_heads; }
  int64_t kv_len() const { return bounds_.kv_len; }
  int64_t n_appended() const { return n_appended_; }
  int64_t first_total() const { return totals_.front(); }  // what the first stage leaves
  // By stage; empty in one that selects nothing.
  std::vector<LayerBudgets>& budgets() { return budgets_; }
  const LayerBudgets& last_budgets() const;  // of the last selection

  // Windows may be undefined or null.
  LayerInputs inputs(int64_t layer, const LayerCapture& windows) const;

  // Shows the layer to the first stage's allocators that decide from the prompt.
  void observe(LayerData& data);
  LayerScores score_first(LayerData& data, int64_t layer);
  // Scores and cuts a layer whose budget in this stage is known. `data` shows it as it is now.
  void apply(size_t stage, LayerData& data);
  void apply_later_stages(const LayerInputs& inputs);
  KeepPlan cut_first(LayerData& data, int64_t layer, int64_t entries, LayerScores& scores);

  // Budgets of all stages that do not wait for the prompt.
  void divide_known();
  // Of a first stage that decides from the prompt, `n_observed` layers of which it has seen; by the
  // scores of all layers where it goes by them.
  LayerBudgets divide_first(int64_t n_observed, std::span<ScoresView> scores = {});

  // Tokens of the passes that the first stage's methods make behind the prompt.
  int64_t n_pass_tokens() const;
  // Makes them; `progress` is told their share done. `logits` are those behind the prompt, or null
  // where they are not known; `inputs_of` shows a layer as it was.
  void read_again(const at::Tensor* logits,
                  const std::function<LayerInputs(int64_t layer)>& inputs_of,
                  const ProgressSink& progress);
  // After all cuts: what methods put behind the prompt.
  void append();
  int64_t peak_draft_bytes() const { return peak_draft_bytes_; }

 private:
  SequenceState& state_of(const Instance& method);
  void draft(const Instance& method,
             const at::Tensor* logits,
             const std::function<LayerInputs(int64_t layer)>& inputs_of,
             const std::function<void(double)>& tell);
  void read_appendices();

  PressedSequence on_;
  kvh_exec exec_;
  LayerBounds bounds_;
  int64_t full_;                 // entries of all layers, nothing cut
  int64_t n_appended_;           // entries per KV head that will stand behind the prompt
  int64_t total_entries_;        // that are left of the prompt
  std::vector<int64_t> totals_;  // that each stage leaves
  PressTrace& trace_;
  std::optional<PromptView> prompt_;
  std::unique_ptr<AppendixRun> appendix_;  // null until something was read for it
  int64_t peak_draft_bytes_ = 0;
  std::deque<StageRun> stages_;  // the first may wait for the prompt; the later ones never do
  std::vector<LayerBudgets> budgets_;
};

int64_t count(const KeepPlan& keep);

}  // namespace kvhost
