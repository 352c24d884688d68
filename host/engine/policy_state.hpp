// SPDX-License-Identifier: Apache-2.0
// What the handles of one policy share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/policy.hpp"
#include "press/budget.hpp"
#include "press/decode_run.hpp"
#include "press/press.hpp"

namespace kvhost {

struct PolicyState {
  std::shared_ptr<const void> engine;       // keeps the context that the presses refer to
  std::shared_ptr<const ModelState> model;  // that the presses were made for
  std::string text, json, decode_text;
  std::shared_ptr<const Press> press;         // may be none()
  std::shared_ptr<const Press> decode_press;  // null: nothing compresses while generating
  BudgetRule rule;
  bool budget_given = false;
  PolicyOptions options;
  std::vector<std::string> warnings;
  std::vector<PluginFacts> plugins;

  const Context& context() const { return press->context(); }
  BudgetReport budget(int64_t kv_len) const;
  // After a prompt whose budget was `budget`.
  DecodePolicy decode_policy(const BudgetReport& budget) const;
};

// Throws Error when a budget was given beside a method that leaves none to give.
void check_own_total(const PolicyState& policy);

}  // namespace kvhost
