// SPDX-License-Identifier: Apache-2.0
#include "press/press.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kvhost/layout_parts.h"
#include "method/extension.hpp"
#include "press/budget.hpp"
#include "press/channel_order.hpp"
#include "press/further_reading.hpp"

namespace kvhost {

Press::Press(const Composition& composition,
             const ModelConfig& config,
             DType cache_dtype,
             const Context& context)
    : model_(config, cache_dtype), context_(context) {
  const uint32_t phases = composition.decodes ? kDecodePhases : kPrefillPhases;
  for (const auto& spec : composition.stages)
    stages_.emplace_back(spec, model_.get(), context, phases);
  for (size_t i = 1; i < stages_.size(); ++i)
    if (stages_[i].cut_time() != CutTime::AtOnce)
      bad_request(stages_[i].late_part()->where(),
                  "'" + stages_[i].late_part()->name() +
                      "' decides from the prompt and stands after a '+'; expected it in the first "
                      "part");
  check_channels_last(stages_);
  if (!none()) n_appended_ = kvhost::n_appended(first());
  if (n_appended_ > 0 && renumbers())
    bad_request(first().late_part()->where(),
                "'" + first().late_part()->name() +
                    "' puts entries behind the prompt, and another method of the composition gives "
                    "entries new positions; expected one of the two");
}

const Stage* Press::last_selection() const {
  for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage)
    if (stage->selects()) return &*stage;
  return nullptr;
}

bool Press::owns_total() const {
  return std::any_of(stages_.begin(), stages_.end(), [](const Stage& s) { return s.owns_total(); });
}

bool Press::any_press_has(uint32_t flag) const {
  return std::any_of(stages_.begin(), stages_.end(), [flag](const Stage& stage) {
    return stage.press() && stage.press()->has_own_flag(flag);
  });
}

int64_t Press::own_entries_per_head(int64_t n_tokens) const {
  const Stage* last = last_selection();
  const Instance* scorer = last ? last->scorer() : nullptr;
  if (!scorer) return 0;
  const auto* own =
      extension_of<kvh_own_budget>(*scorer, KVH_EXT_OWN_BUDGET, KVH_OWN_BUDGET_SIZE_1_0);
  if (!own) return 0;
  if (!own->entries_per_head)
    cannot_load(scorer->name(),
                "its " KVH_EXT_OWN_BUDGET " lacks a function; expected entries_per_head");
  const int64_t entries = scorer->enter(
      "entries_per_head()", -1, [&] { return own->entries_per_head(scorer->get(), n_tokens); });
  if (entries < 0)
    scorer->refuse("entries_per_head()",
                   -1,
                   "wants " + std::to_string(entries) + " entries per head; expected 0 or more");
  return entries;
}

bool Press::wants_prompt() const {
  return std::any_of(stages_.begin(), stages_.end(), [](const Stage& stage) {
    const auto parts = stage.parts();
    return stage.reads_again() ||
           std::any_of(parts.begin(), parts.end(), [](const Instance* part) {
             return part && part->has_flag(KVH_METHOD_READS_PROMPT);
           });
  });
}

std::vector<int64_t> Press::totals(int64_t full, int64_t total) const {
  const auto n =
      std::count_if(stages_.begin(), stages_.end(), [](const Stage& s) { return s.divides(); });
  const auto steps = stage_totals(full, std::min(full, total), static_cast<size_t>(n));
  std::vector<int64_t> result;
  size_t next = 0;
  for (const auto& stage : stages_) result.push_back(stage.divides() ? steps[next++] : full);
  return result;
}

bool Press::needs_tensor(uint32_t tensor) const {
  return std::any_of(stages_.begin(), stages_.end(), [tensor](const Stage& stage) {
    return stage.needs_tensor(tensor);
  });
}

std::vector<int64_t> Press::query_spreads() const {
  std::vector<int64_t> counts;
  for (const auto& stage : stages_)
    for (const int64_t n : stage.query_spreads()) counts.push_back(n);
  return counts;
}

int64_t Press::window_of(uint32_t tensor) const {
  int64_t window = 0;
  for (const auto& stage : stages_) window = wider(window, stage.window_of(tensor));
  return window;
}

int64_t Press::captured_window_of(uint32_t tensor) const {
  int64_t window = 0;
  for (const auto& stage : stages_) window = wider(window, stage.captured_window_of(tensor));
  return window;
}

CaptureRequest Press::capture() const {
  CaptureRequest request;
  const bool all_queries = needs_tensor(KVH_T_ATTENTION) || needs_tensor(KVH_T_ATTENTION_MEAN);
  request.query_window = all_queries ? -1 : 0;
  for (const uint32_t tensor : {KVH_T_QUERY_WINDOW, KVH_T_WINDOW_ATTENTION, KVH_T_ATTENTION_SUM})
    request.query_window = wider(request.query_window, captured_window_of(tensor));
  request.hidden_window = captured_window_of(KVH_T_HIDDEN);
  request.query_spreads = query_spreads();
  return request;
}

}  // namespace kvhost
