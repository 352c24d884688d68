// SPDX-License-Identifier: Apache-2.0
#include "engine/policy.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "engine/model_state.hpp"
#include "engine/policy_state.hpp"

namespace kvhost {
namespace {

// A method from a system that states sizes rather than ratios keeps those, unless the user gave a
// budget.
void apply_own_entries(const PolicyState& policy, int64_t kv_len, BudgetReport& budget) {
  const int64_t entries = policy.budget_given ? 0 : policy.press->own_entries_per_head(kv_len);
  if (entries <= 0) return;
  budget.mode = "method";
  budget.value = static_cast<double>(entries);
  budget.raised = false;
  budget.entries_per_head = std::min(entries, kv_len);
}

const Stage* owner_of_total(const Press& press) {
  const auto& stages = press.stages();
  const auto owner = std::find_if(
      stages.begin(), stages.end(), [](const Stage& stage) { return stage.owns_total(); });
  return owner == stages.end() ? nullptr : &*owner;
}

}  // namespace

// A method that decides by itself how much is kept leaves no budget to give.
void check_own_total(const PolicyState& policy) {
  const Stage* owner = owner_of_total(*policy.press);
  if (!owner || !policy.budget_given) return;
  const Instance& method =
      owner->head_owns_total() ? *owner->head_allocator() : *owner->layer_allocator();
  bad_request("--press",
              "'" + method.name() +
                  "' decides by its own parameters how much is kept; expected no --keep-ratio, "
                  "--compression-ratio or --budget beside it");
}

BudgetReport PolicyState::budget(int64_t kv_len) const {
  const ModelConfig& config = model->config;
  const bool none = press->none() && !decode_press;
  BudgetReport budget = resolve_budget(rule, none, kv_len, config.n_layers, config.n_kv_heads);
  apply_own_entries(*this, kv_len, budget);
  if (owner_of_total(*press))
    budget = {.mode = "decided", .value = 1.0, .defaulted = false, .entries_per_head = kv_len};
  budget.entries_total = budget.entries_per_head * config.n_layers * config.n_kv_heads;
  return budget;
}

// While generating, a method that states sizes goes by them too, as the sequence grows.
DecodePolicy PolicyState::decode_policy(const BudgetReport& budget) const {
  DecodePolicy policy;
  if (options.decode_every > 0) policy.every = options.decode_every;
  policy.entries_per_head =
      options.decode_budget > 0 ? options.decode_budget : budget.entries_per_head;
  policy.keep_ratio = options.decode_keep_ratio;
  const bool given = budget_given || options.decode_budget > 0 || options.decode_keep_ratio > 0;
  if (!given && decode_press && decode_press->own_entries_per_head(1) > 0)
    policy.entries_per_head = DecodePolicy::kOwn;
  return policy;
}

std::string Policy::press() const { return state_->text; }
std::string Policy::press_json() const { return state_->json; }
std::string Policy::decode_press() const { return state_->decode_text; }
BudgetReport Policy::budget(int64_t kv_len) const { return state_->budget(kv_len); }
const std::vector<std::string>& Policy::warnings() const { return state_->warnings; }
const std::vector<PluginFacts>& Policy::plugins() const { return state_->plugins; }

}  // namespace kvhost
