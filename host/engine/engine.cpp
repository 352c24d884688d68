// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "engine/learned_files.hpp"
#include "engine/model_state.hpp"
#include "engine/plugin_set.hpp"
#include "engine/policy_state.hpp"
#include "press/channel_order.hpp"
#include "press/decode_run.hpp"

namespace kvhost {

struct Engine::State {
  State(const EngineOptions& options, Context given)
      : context(std::move(given)),
        plugins(find_plugins(options.plugin_paths, options.prefer_plugins)) {}

  // The loaded press of a composition, made once for a model.
  std::shared_ptr<const Press> press(const Composition& composition,
                                     const ModelState& model) const {
    const std::lock_guard lock(mutex);
    auto& known = presses[{composition.text(), &model}];
    auto press = known.lock();
    if (!press) {
      press = std::make_shared<const Press>(composition, model.config, model.dtype, context);
      known = press;
    }
    return press;
  }

  Context context;
  PluginSet plugins;
  mutable std::mutex mutex;
  mutable std::map<std::pair<std::string, const ModelState*>, std::weak_ptr<const Press>> presses;
};

namespace {

BudgetRule rule_of(const PolicyOptions& options) {
  BudgetRule rule;
  rule.min_entries = options.min_entries;
  rule.defaulted = !options.budget_given();
  if (options.keep_ratio) rule.value = *options.keep_ratio;
  if (options.compression_ratio) {
    rule.mode = BudgetRule::Mode::CompressionRatio;
    rule.value = *options.compression_ratio;
  }
  if (options.budget) {
    rule.mode = BudgetRule::Mode::Entries;
    rule.value = static_cast<double>(*options.budget);
  }
  return rule;
}

void check_exclusive(const PolicyOptions& options) {
  const int given = int{options.keep_ratio.has_value()} + int{options.budget.has_value()} +
                    int{options.compression_ratio.has_value()};
  if (given > 1)
    bad_request("budget",
                "found " + std::to_string(given) +
                    " of keep_ratio, compression_ratio and budget; expected at most one");
  if (options.decode_budget > 0 && options.decode_keep_ratio > 0)
    bad_request("--decode-keep-ratio",
                "given beside --decode-budget; expected at most one of the two");
}

void note_origin(const Composition& composition, std::vector<std::string>& warnings) {
  if (!composition.expanded_from.empty())
    warnings.push_back("'" + composition.expanded_from + "' stands for " + composition.text());
  for (const auto& warning : composition.warnings()) warnings.push_back(warning);
}

void note_plugins(const Composition& composition, std::vector<PluginFacts>& plugins) {
  for (const auto* method : composition.methods()) {
    const auto same = [method](const PluginFacts& known) { return known.method == method->name; };
    if (std::none_of(plugins.begin(), plugins.end(), same))
      plugins.push_back({method->name, printable(method->library.string()), method->sha256});
  }
}

}  // namespace

Engine::Engine(const EngineOptions& options, Context context)
    : state_(std::make_shared<const State>(options, std::move(context))) {}

Model Engine::open(const ModelOptions& options) const {
  return Model(open_model(options, state_->context));
}

Policy Engine::policy(const Model& model, const PolicyOptions& given) const {
  check_exclusive(given);
  auto policy = std::make_shared<PolicyState>();
  std::string expansion;
  policy->options = expand_run_alias(given, state_->plugins, expansion);
  if (!expansion.empty()) policy->warnings.push_back(expansion);
  const Composition composition = compose_prefill(policy->options, state_->plugins);
  const Composition decode = compose_decode(policy->options, state_->plugins);
  policy->engine = state_;
  policy->model = model.shared();
  policy->text = composition.text();
  policy->json = composition.json_text();
  policy->rule = rule_of(given);
  policy->budget_given = given.budget_given();
  policy->press = state_->press(composition, model.state());
  check_learned_files(composition, *policy->press, model);
  if (!decode.none()) {
    policy->decode_text = decode.text();
    policy->decode_press = state_->press(decode, model.state());
    check_learned_files(decode, *policy->decode_press, model);
    check_decodes(*policy->decode_press);
    check_channels_last(*policy->press, *policy->decode_press);
  }
  check_own_total(*policy);
  note_origin(composition, policy->warnings);
  note_origin(decode, policy->warnings);
  note_plugins(composition, policy->plugins);
  note_plugins(decode, policy->plugins);
  if (composition.none() && decode.none() && given.budget_given())
    policy->warnings.push_back("the budget has no effect: --press none keeps everything");
  return Policy(std::move(policy));
}

const PluginSet& Engine::plugins() const { return state_->plugins; }
const Context& Engine::context() const { return state_->context; }

}  // namespace kvhost
