// SPDX-License-Identifier: Apache-2.0
#include "press/press.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace kvhost {

Press::Press(const Composition& composition, const ModelConfig& config, DType cache_dtype)
    : model_(config, cache_dtype) {
  const auto create = [&](const std::unique_ptr<Node>& node, Instance* child) {
    return node ? std::make_unique<Instance>(*node, model_.get(), child) : nullptr;
  };
  scorer_ = create(composition.scorer, nullptr);
  head_allocator_ = create(composition.head_allocator, nullptr);
  layer_allocator_ = create(composition.layer_allocator, nullptr);
  press_ = create(composition.press, scorer_.get());
  if (scorer_) cut_time_ = decide_cut_time();
}

CutTime Press::decide_cut_time() const {
  if (!layer_allocator_) return CutTime::AtOnce;
  const uint32_t when =
      layer_allocator_->interface<kvh_layer_allocator>()->when(layer_allocator_->get());
  if (when == KVH_WHEN_BEFORE_PREFILL) return CutTime::AtOnce;
  if (scorer_->has_flag(KVH_METHOD_NEEDS_BUDGET)) {
    if (needs_tensor(KVH_T_HIDDEN) && window_of(KVH_T_HIDDEN) < 0)
      bad_request(scorer_->name(),
                  "scores by the budget and needs all hidden states, while '" +
                      layer_allocator_->name() +
                      "' decides after prefill; expected a layer allocator that decides before");
    return CutTime::AtEndScored;
  }
  // A press rewrites what is kept from what is not, so nothing may be gone before the final
  // selection.
  return press_ || when == KVH_WHEN_AFTER_PREFILL ? CutTime::AtEnd : CutTime::Progressive;
}

bool Press::needs_tensor(uint32_t tensor) const {
  for (const auto* part :
       {press_.get(), layer_allocator_.get(), head_allocator_.get(), scorer_.get()})
    if (part && part->needs_tensor(tensor)) return true;
  return false;
}

int64_t Press::window_of(uint32_t tensor) const {
  int64_t window = 0;
  for (const auto* part :
       {press_.get(), layer_allocator_.get(), head_allocator_.get(), scorer_.get()}) {
    if (!part) continue;
    const int64_t own = part->window_of(tensor);
    if (own < 0) return -1;
    window = std::max(window, own);
  }
  return window;
}

CaptureRequest Press::capture() const {
  CaptureRequest request;
  const bool all_queries = needs_tensor(KVH_T_ATTENTION) || needs_tensor(KVH_T_ATTENTION_MEAN);
  const int64_t windows[] = {window_of(KVH_T_QUERY_WINDOW), window_of(KVH_T_WINDOW_ATTENTION)};
  request.query_window =
      all_queries || windows[0] < 0 || windows[1] < 0 ? -1 : std::max(windows[0], windows[1]);
  request.hidden_window = window_of(KVH_T_HIDDEN);
  return request;
}

PressState::PressState(const Press& press) {
  const auto begin = [](const Instance* part, SequenceState* beside = nullptr) {
    return part ? std::make_unique<SequenceState>(*part, beside) : nullptr;
  };
  scorer_ = begin(press.scorer());
  head_allocator_ = begin(press.head_allocator());
  layer_allocator_ = begin(press.layer_allocator());
  press_ = begin(press.press(), scorer_.get());
}

void PressState::after_compact(const kvh_moved& moved) {
  for (auto* part : {scorer_.get(), head_allocator_.get(), layer_allocator_.get(), press_.get()})
    if (part) part->after_compact(moved);
}

}  // namespace kvhost
