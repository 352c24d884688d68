// SPDX-License-Identifier: Apache-2.0
// A loaded composition: the configured methods, and what they need of the forward. Immutable;
// shared by sequences.
#pragma once

#include <memory>

#include "model/decoder.hpp"
#include "press/host_services.hpp"
#include "press/instance.hpp"

namespace kvhost {

// When a layer's cache can be cut.
enum class CutTime {
  AtOnce,       // budgets are known before the prefill
  Progressive,  // provisional cuts as layers go by, exact at the end; scores are retained
  AtEnd,        // the full cache is held until all layers were seen; scores are retained
  AtEndScored   // likewise, and the scores themselves need the final budgets: captured windows are
                // retained
};

class Press {
 public:
  // Opens libraries and creates the methods. Throws Error.
  Press(const Composition& composition, const ModelConfig& config, DType cache_dtype);

  bool none() const { return scorer_ == nullptr; }
  const kvh_model* model() const { return model_.get(); }
  const Instance* press() const { return press_.get(); }
  const Instance* layer_allocator() const { return layer_allocator_.get(); }
  const Instance* head_allocator() const { return head_allocator_.get(); }
  const Instance* scorer() const { return scorer_.get(); }

  CutTime cut_time() const { return cut_time_; }
  CaptureRequest capture() const;
  bool needs_tensor(uint32_t tensor) const;  // any part does
  int64_t window_of(uint32_t tensor) const;  // largest over all parts; -1 = all tokens

 private:
  CutTime decide_cut_time() const;

  ModelView model_;
  std::unique_ptr<Instance> scorer_, head_allocator_, layer_allocator_, press_;
  CutTime cut_time_ = CutTime::AtOnce;
};

// The states of one sequence.
class PressState {
 public:
  explicit PressState(const Press& press);
  SequenceState& press() { return *press_; }
  SequenceState& layer_allocator() { return *layer_allocator_; }
  SequenceState& head_allocator() { return *head_allocator_; }
  SequenceState& scorer() { return *scorer_; }
  void after_compact(const kvh_moved& moved);

 private:
  std::unique_ptr<SequenceState> scorer_, head_allocator_, layer_allocator_, press_;
};

}  // namespace kvhost
