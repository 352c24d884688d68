// SPDX-License-Identifier: Apache-2.0
// What is kept: the loaded methods of a composition and the rule that turns a prompt's length into
// a budget, for one model. A handle; copies share one policy. May be used by any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/api.hpp"
#include "engine/policy_options.hpp"
#include "measure/run_report.hpp"

namespace kvhost {

struct PolicyState;

class KVHOST_API Policy {
 public:
  explicit Policy(std::shared_ptr<const PolicyState> state) : state_(std::move(state)) {}

  std::string press() const;         // canonical text; "none": the full cache
  std::string press_json() const;    // canonical JSON, all parameters
  std::string decode_press() const;  // "" when nothing compresses while generating
  BudgetReport budget(int64_t kv_len) const;
  const std::vector<std::string>& warnings() const;
  const std::vector<PluginFacts>& plugins() const;  // of all its methods

  const PolicyState& state() const { return *state_; }
  const std::shared_ptr<const PolicyState>& shared() const { return state_; }

 private:
  std::shared_ptr<const PolicyState> state_;
};

}  // namespace kvhost
