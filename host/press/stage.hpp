// SPDX-License-Identifier: Apache-2.0
// One loaded selection of a composition: its configured methods, and what they need of the forward.
// Immutable; shared by sequences.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "method/instance.hpp"

namespace kvhost {

// When a layer's cache can be cut.
enum class CutTime {
  AtOnce,       // budgets are known before the prefill
  Progressive,  // provisional cuts as layers go by, exact at the end; scores are retained
  AtEnd,        // the full cache is held until all layers were seen; scores are retained
  AtEndScored,  // likewise, and the scores themselves need the final budgets: captured windows are
                // retained
  AfterPasses   // likewise, behind further passes of the methods, which are scored then
};

class Stage {
 public:
  // Opens libraries and creates the methods; `phases`: in which they will be called. Throws Error.
  Stage(const StageSpec& spec, const kvh_model* model, const Context& context, uint32_t phases);

  const kvh_model* model() const { return model_; }
  // Null where the composition has none.
  const Instance* press() const { return press_.get(); }
  const Instance* layer_allocator() const { return layer_allocator_.get(); }
  const Instance* head_allocator() const { return head_allocator_.get(); }
  const Instance* scorer() const { return scorer_.get(); }

  // The allocator that decides from the prompt; null when none does.
  const Instance* observer() const;
  // Some part reads the prompt more than once.
  bool reads_again() const { return cut_time_ == CutTime::AfterPasses; }
  // The layer allocator goes by the scores of all layers.
  bool needs_scores() const;
  // The part that keeps layers from being cut at once; null when none does.
  const Instance* late_part() const;

  bool selects() const { return scorer_ != nullptr || head_allocator_ != nullptr; }
  // An allocator decides by itself how much is kept; there is no budget to divide.
  bool owns_total() const;
  bool head_owns_total() const;
  bool divides() const { return selects() && !owns_total(); }  // a budget
  CutTime cut_time() const { return cut_time_; }
  bool needs_tensor(uint32_t tensor) const;           // any part does
  std::vector<int64_t> query_spreads() const;         // of all parts
  int64_t window_of(uint32_t tensor) const;           // largest over all parts; -1 = all tokens
  int64_t captured_window_of(uint32_t tensor) const;  // what must be captured for that
  // All methods, outermost first, those inside others too.
  std::vector<const Instance*> methods() const;
  // A name for errors: that of the outermost method.
  const std::string& name() const;
  // Null where there is none.
  std::array<const Instance*, 4> parts() const {
    return {press_.get(), layer_allocator_.get(), head_allocator_.get(), scorer_.get()};
  }

 private:
  uint32_t when() const;  // KVH_WHEN_*: the latest of its allocators
  CutTime decide_cut_time() const;
  void check_totals() const;
  void check_scores() const;

  const kvh_model* model_;
  std::unique_ptr<Instance> scorer_, head_allocator_, layer_allocator_, press_;
  CutTime cut_time_ = CutTime::AtOnce;
};

// The states of one sequence in one stage.
class StageState {
 public:
  explicit StageState(const Stage& stage,
                      const kvh_sequence_info& info = sequence_info(KVH_PHASE_PREFILL));
  // Goes on as `from` would. Throws Error where a method's state cannot be copied.
  StageState(const StageState& from);
  // Those that save() gave; throws Error(CannotLoad).
  StageState(const Stage& stage, const kvh_sequence_info& info, SavedStates& saved);
  SequenceState& press() { return *press_; }
  SequenceState& layer_allocator() { return *layer_allocator_; }
  SequenceState& head_allocator() { return *head_allocator_; }
  SequenceState& scorer() { return *scorer_; }
  void after_compact(const kvh_moved& moved);
  // Of a method anywhere in the stage.
  SequenceState& of(const Instance& part);
  // See SequenceState.
  void save(SavedStates& to) const;
  const Instance* stays() const;
  void truncate(int64_t n_seen);

 private:
  // As they begin; null where there is none.
  std::array<SequenceState*, 4> states() const {
    return {scorer_.get(), head_allocator_.get(), layer_allocator_.get(), press_.get()};
  }

  std::unique_ptr<SequenceState> scorer_, head_allocator_, layer_allocator_, press_;
};

}  // namespace kvhost
