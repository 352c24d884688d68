// SPDX-License-Identifier: Apache-2.0
// A loaded composition: its stages in the order in which they are applied. Immutable; shared by
// sequences.
#pragma once

#include <deque>

#include "method/host_services.hpp"
#include "model/decoder.hpp"
#include "press/stage.hpp"

namespace kvhost {

class Press {
 public:
  // `context` must outlive the press. Throws Error: only the first stage may decide its budgets
  // from the prompt.
  Press(const Composition& composition,
        const ModelConfig& config,
        DType cache_dtype,
        const Context& context);

  bool none() const { return stages_.empty(); }
  const kvh_model* model() const { return model_.get(); }
  // As methods see it while a sequence runs.
  const kvh_model* model(const Decoder& decoder) const { return model_.get(decoder.weights()); }
  const Context& context() const { return context_; }
  const std::deque<Stage>& stages() const { return stages_; }
  const Stage& first() const { return stages_.front(); }
  // The stage whose selection is the last, or null when no stage selects.
  const Stage* last_selection() const;

  CutTime cut_time() const { return none() ? CutTime::AtOnce : first().cut_time(); }
  bool owns_total() const;  // some stage does
  // Some method wants to know the prompt itself, or reads it more than once.
  bool wants_prompt() const;
  bool renumbers() const {  // some press gives entries new positions
    return any_press_has(KVH_METHOD_EDITS_POSITIONS);
  }
  // Entries per head that the method's own parameters spell out for n tokens; 0 where they do not.
  int64_t own_entries_per_head(int64_t n_tokens) const;
  // Entries per KV head that methods put behind every prompt; they count as part of a budget.
  int64_t n_appended() const { return n_appended_; }
  bool prunes_channels() const { return any_press_has(KVH_METHOD_PRUNES_CHANNELS); }
  // Entries that each stage leaves of `full`, down to `total`; `full` where a stage divides no
  // budget.
  std::vector<int64_t> totals(int64_t full, int64_t total) const;
  CaptureRequest capture() const;
  bool needs_tensor(uint32_t tensor) const;           // any stage does
  std::vector<int64_t> query_spreads() const;         // of all stages
  int64_t window_of(uint32_t tensor) const;           // largest over all stages; -1 = all tokens
  int64_t captured_window_of(uint32_t tensor) const;  // what must be captured for that

 private:
  bool any_press_has(uint32_t flag) const;

  ModelView model_;
  const Context& context_;
  int64_t n_appended_ = 0;
  std::deque<Stage> stages_;  // deque: they do not move
};

}  // namespace kvhost
