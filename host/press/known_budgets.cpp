// SPDX-License-Identifier: Apache-2.0
#include "press/known_budgets.hpp"

#include <deque>

namespace kvhost {

std::vector<int64_t> known_budgets(const Press& press, const LayerBounds& bounds, int64_t total) {
  std::deque<StageState> states;
  const auto info = sequence_info(KVH_PHASE_PREFILL, /*seed=*/0, bounds.kv_len);
  for (const auto& stage : press.stages()) states.emplace_back(stage, info);
  std::vector<LayerBudgets> budgets;
  divide_over_stages(
      press, [&](size_t s) -> StageState& { return states[s]; }, bounds, total, budgets);
  std::vector<int64_t> entries = everything(bounds).entries;
  for (size_t s = 0; s < budgets.size(); ++s)
    if (press.stages()[s].selects()) entries = budgets[s].entries;
  return entries;
}

}  // namespace kvhost
