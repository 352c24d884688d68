// SPDX-License-Identifier: Apache-2.0
#include "press/stage.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "press/passes.hpp"

namespace kvhost {

namespace {

// Of queries or hidden states, which are gone behind a layer unless they wait with it.
bool looks_at_windows(const Instance& method) {
  for (const uint32_t tensor :
       {KVH_T_HIDDEN, KVH_T_QUERY_WINDOW, KVH_T_WINDOW_ATTENTION, KVH_T_ATTENTION_SUM,
        KVH_T_ATTENTION_MEAN, KVH_T_ATTENTION})
    if (method.needs_tensor(tensor)) return true;
  return false;
}

void add_methods(const Instance& method, std::vector<const Instance*>& all) {
  all.push_back(&method);
  for (const auto& inner : method.inner()) add_methods(*inner, all);
}

}  // namespace

Stage::Stage(const StageSpec& spec, const kvh_model* model, const Context& context, uint32_t phases)
    : model_(model) {
  const auto create = [&](const std::unique_ptr<Node>& node, Instance* child) {
    return node ? std::make_unique<Instance>(*node, model, context, child, phases) : nullptr;
  };
  scorer_ = create(spec.scorer, nullptr);
  head_allocator_ = create(spec.head_allocator, nullptr);
  layer_allocator_ = create(spec.layer_allocator, nullptr);
  press_ = create(spec.press, scorer_.get());
  check_totals();
  cut_time_ = decide_cut_time();
}

bool Stage::head_owns_total() const {
  return head_allocator_ && head_allocator_->has_own_flag(KVH_METHOD_OWN_TOTAL);
}

bool Stage::owns_total() const {
  return head_owns_total() ||
         (layer_allocator_ && layer_allocator_->has_own_flag(KVH_METHOD_OWN_TOTAL));
}

void Stage::check_totals() const {
  if (!head_owns_total() || !layer_allocator_) return;
  bad_request(head_allocator_->name(),
              "decides by itself how much a layer keeps, and '" + layer_allocator_->name() +
                  "' would divide a budget over layers; expected one of the two");
}

const Instance* Stage::observer() const {
  for (const Instance* allocator : {head_allocator_.get(), layer_allocator_.get()})
    if (allocator && allocator->when() != KVH_WHEN_BEFORE_PREFILL) return allocator;
  return nullptr;
}

uint32_t Stage::when() const {
  const auto when_of = [](const Instance* allocator) -> uint32_t {
    return allocator ? allocator->when() : uint32_t{KVH_WHEN_BEFORE_PREFILL};
  };
  return std::max(when_of(layer_allocator_.get()), when_of(head_allocator_.get()));
}

bool Stage::needs_scores() const {
  return layer_allocator_ && layer_allocator_->has_own_flag(KVH_METHOD_NEEDS_SCORES);
}

const Instance* Stage::late_part() const {
  if (needs_scores()) return layer_allocator_.get();
  if (const Instance* allocator = observer()) return allocator;
  const auto readers = reading_again(*this);
  return readers.empty() ? nullptr : readers.front();
}

void Stage::check_scores() const {
  if (!needs_scores() || !scorer_ || !scorer_->has_flag(KVH_METHOD_NEEDS_BUDGET)) return;
  bad_request(scorer_->where(),
              "'" + scorer_->name() + "' scores by the layer's budget, which '" +
                  layer_allocator_->name() +
                  "' makes from the scores; expected a scorer that does without, or another "
                  "allocator");
}

CutTime Stage::decide_cut_time() const {
  check_scores();
  if (!reading_again(*this).empty()) return CutTime::AfterPasses;
  const uint32_t when = needs_scores() ? uint32_t{KVH_WHEN_AFTER_PREFILL} : this->when();
  if (when == KVH_WHEN_BEFORE_PREFILL) return CutTime::AtOnce;
  const bool by_budget = scorer_ && scorer_->has_flag(KVH_METHOD_NEEDS_BUDGET);
  if (by_budget || (press_ && looks_at_windows(*press_))) {
    if (needs_tensor(KVH_T_HIDDEN) && window_of(KVH_T_HIDDEN) < 0)
      bad_request(by_budget ? scorer_->name() : press_->name(),
                  "works on the budget and needs all hidden states, while '" + late_part()->name() +
                      "' decides after prefill; expected an allocator that decides before");
    return CutTime::AtEndScored;
  }
  // A press rewrites what is kept from what is not, so nothing may be gone before the final
  // selection.
  return press_ || when == KVH_WHEN_AFTER_PREFILL ? CutTime::AtEnd : CutTime::Progressive;
}

bool Stage::needs_tensor(uint32_t tensor) const {
  const auto all = parts();
  return std::any_of(all.begin(), all.end(), [tensor](const Instance* part) {
    return part && part->needs_tensor(tensor);
  });
}

std::vector<int64_t> Stage::query_spreads() const {
  std::vector<int64_t> counts;
  for (const auto* part : parts())
    if (part) for (const int64_t n : part->query_spreads()) counts.push_back(n);
  return counts;
}

std::vector<const Instance*> Stage::methods() const {
  std::vector<const Instance*> all;
  for (const Instance* part : parts())
    if (part) add_methods(*part, all);
  return all;
}

int64_t Stage::window_of(uint32_t tensor) const {
  int64_t window = 0;
  for (const auto* part : parts())
    if (part) window = wider(window, part->window_of(tensor));
  return window;
}

int64_t Stage::captured_window_of(uint32_t tensor) const {
  int64_t window = 0;
  for (const auto* part : parts())
    if (part) window = wider(window, part->captured_window_of(tensor));
  return window;
}

const std::string& Stage::name() const {
  for (const auto* part : parts())
    if (part) return part->name();
  return scorer_->name();
}

StageState::StageState(const Stage& stage, const kvh_sequence_info& info) {
  const auto begin = [&info](const Instance* part, SequenceState* beside = nullptr) {
    return part ? std::make_unique<SequenceState>(*part, info, beside) : nullptr;
  };
  scorer_ = begin(stage.scorer());
  head_allocator_ = begin(stage.head_allocator());
  layer_allocator_ = begin(stage.layer_allocator());
  press_ = begin(stage.press(), scorer_.get());
}

StageState::StageState(const StageState& from) {
  const auto copy = [](const std::unique_ptr<SequenceState>& state,
                       SequenceState* beside = nullptr) {
    return state ? std::make_unique<SequenceState>(*state, beside) : nullptr;
  };
  scorer_ = copy(from.scorer_);
  head_allocator_ = copy(from.head_allocator_);
  layer_allocator_ = copy(from.layer_allocator_);
  press_ = copy(from.press_, scorer_.get());
}

StageState::StageState(const Stage& stage, const kvh_sequence_info& info, SavedStates& saved) {
  const auto load = [&](const Instance* part, SequenceState* beside = nullptr) {
    return part ? std::make_unique<SequenceState>(*part, info, saved, beside) : nullptr;
  };
  scorer_ = load(stage.scorer());
  head_allocator_ = load(stage.head_allocator());
  layer_allocator_ = load(stage.layer_allocator());
  press_ = load(stage.press(), scorer_.get());
}

SequenceState& StageState::of(const Instance& part) {
  for (SequenceState* state : states())
    if (SequenceState* found = state ? state->find(part) : nullptr) return *found;
  run_failed(part.name(), "is no part of the composition at work; expected one of its own");
}

void StageState::after_compact(const kvh_moved& moved) {
  for (SequenceState* state : states())
    if (state) state->after_compact(moved);
}

void StageState::save(SavedStates& to) const {
  for (const SequenceState* state : states())
    if (state) state->save(to);
}

const Instance* StageState::stays() const {
  for (const SequenceState* state : states())
    if (const Instance* found = state ? state->stays() : nullptr) return found;
  return nullptr;
}

void StageState::truncate(int64_t n_seen) {
  for (SequenceState* state : states())
    if (state) state->truncate(n_seen);
}

}  // namespace kvhost
