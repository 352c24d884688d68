// SPDX-License-Identifier: Apache-2.0
#include "analysis/probe.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "engine/model_state.hpp"
#include "engine/policy_state.hpp"
#include "engine/sequence.hpp"
#include "eval/plan.hpp"
#include "measure/analysis_json.hpp"
#include "press/known_budgets.hpp"

namespace kvhost::analysis {

namespace {

constexpr const char* kProfile = "{profile}";

std::vector<int64_t> entries_of(const Sequence& sequence) {
  std::vector<int64_t> out;
  for (const auto& layer : sequence.layers()) out.push_back(layer.budget);
  return out;
}

}  // namespace

Policy Probe::policy(const NamedPress& press, const std::string& text) const {
  PolicyOptions options;
  options.press = {PressSource::Form::Text, text, press.where, ""};
  options.keep_ratio = keep_ratio_;
  options.min_entries = 0;
  try {
    return engine_.policy(model_, options);
  } catch (const Error& e) {
    eval::at_place(e, press.where);
  }
}

std::string Probe::with_profile(const std::string& press, std::span<const double> ranks) const {
  std::string out = press;
  const size_t at = out.find(kProfile);
  if (at == std::string::npos) return out;
  const auto file = folder_.path() / (std::to_string(++n_profiles_) + ".json");
  write_json(file, rank_profile_json(ranks));
  return out.replace(at, std::string(kProfile).size(), "\"" + file.string() + "\"");
}

Probe::Seen Probe::observe(const NamedPress& press,
                           std::span<const int32_t> tokens,
                           const std::function<void(double)>& progress) const {
  const Policy by = policy(press, press.press);
  Sequence sequence(model_, by);
  sequence.prefill(tokens, progress);
  if (sequence.observed_from() != "prompt")
    bad_request(press.where,
                "found " + press.press + ", whose budgets do not come from the prompt; expected a "
                "composition with a layer allocator that estimates ranks");
  Seen seen;
  seen.press = by.press();
  seen.entries = entries_of(sequence);
  for (const auto& layer : sequence.layers()) seen.observed.push_back(layer.observed);
  const Timings& times = sequence.timings();
  seen.ms = times.allocate_ms;
  seen.model_ms = times.prefill_ms - times.passes_ms - times.score_ms - times.allocate_ms -
                  times.select_ms - times.compact_ms;
  return seen;
}

Probe::Budgets Probe::budgets(const NamedPress& press,
                              std::span<const double> ranks,
                              std::span<const int32_t> tokens) const {
  const Policy by = policy(press, with_profile(press.press, ranks));
  const Press& loaded = *by.state().press;
  if (loaded.none() || loaded.owns_total())
    bad_request(press.where,
                "found " + press.press + ", which divides no budget over layers; expected a "
                "composition that does");
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  Budgets out;
  out.press = press.press;
  if (loaded.cut_time() == CutTime::AtOnce) {
    const LayerBounds bounds = layer_bounds(model_.state().config, n_tokens);
    out.entries = known_budgets(loaded, bounds, by.budget(n_tokens).entries_total);
  } else {
    Sequence sequence(model_, by);
    sequence.prefill(tokens);
    out.entries = entries_of(sequence);
  }
  return out;
}

}  // namespace kvhost::analysis
