// SPDX-License-Identifier: Apache-2.0
#include "serve/press_fields.hpp"

#include <nlohmann/json.hpp>
#include <random>

#include "base/json_file.hpp"
#include "serve/refusal.hpp"

namespace kvhost {
namespace {

constexpr const char* kPressFields[] = {"press",         "keep_ratio",    "compression_ratio",
                                        "budget",        "min_entries",   "decode_press",
                                        "decode_every",  "decode_budget", "decode_keep_ratio"};
constexpr Limits kTemperature{0, 2}, kPenalty{-2, 2}, kTokens{1, 16'777'216};
constexpr size_t kMostStops = 16;

PressSource read_source(Fields& fields, const std::string& name) {
  using Form = PressSource::Form;
  const auto* value = fields.any(name);
  if (!value) return {Form::None, "", name, ""};
  if (value->is_string()) return {Form::Text, value->get<std::string>(), name, ""};
  if (!value->is_object() && !value->is_array())
    refuse_field(name,
                 "found " + kind_of(*value) +
                     "; expected a composition as text or as {\"press\": name, ...}");
  return {Form::Json, json_text(*value), name, ""};
}

void read_budget(Fields& fields, PolicyOptions& press) {
  const auto keep = fields.number("keep_ratio", kKeepRatioLimits);
  const auto removed = fields.number("compression_ratio", kCompressionRatioLimits);
  const auto budget = fields.whole("budget", kTokens);
  if (!keep && !removed && !budget) return;
  if (keep.has_value() + removed.has_value() + budget.has_value() > 1)
    refuse_field(keep ? "keep_ratio" : "compression_ratio",
                 "found beside another budget; expected at most one of keep_ratio, "
                 "compression_ratio, budget");
  press.keep_ratio = keep;
  press.compression_ratio = removed;
  press.budget = budget;
}

// {"token id": bias}
std::map<int32_t, float> read_bias(Fields& fields, const ServedModel& served) {
  std::map<int32_t, float> out;
  const auto* value = fields.any("logit_bias");
  if (!value) return out;
  if (!value->is_object())
    refuse_field("logit_bias", "found " + kind_of(*value) + "; expected {\"token id\": bias}");
  for (const auto& [key, bias] : value->items()) {
    const std::string where = "logit_bias." + printable(key);
    const bool digits = !key.empty() && key.size() < 9 &&
                        key.find_first_not_of("0123456789") == std::string::npos;
    const int64_t id = digits ? std::stoll(key) : -1;
    if (id < 0 || id >= served.model().vocab_size())
      refuse_field(where,
                   "is no token id; expected 0 to " +
                       std::to_string(served.model().vocab_size() - 1));
    if (!bias.is_number() || bias.get<double>() < -100 || bias.get<double>() > 100)
      refuse_field(where, "found " + kind_of(bias) + "; expected a number in [-100, 100]");
    out[static_cast<int32_t>(id)] = bias.get<float>();
  }
  return out;
}

}  // namespace

PolicyOptions full_cache() {
  PolicyOptions press;
  press.press = {PressSource::Form::Text, "none", "press", ""};
  return press;
}

bool names_press(const nlohmann::json& body) {
  for (const char* name : kPressFields)
    if (body.contains(name) && !body[name].is_null()) return true;
  return false;
}

PolicyOptions read_press_fields(Fields& fields, const ServedModel& served) {
  PolicyOptions press = served.options().press;
  if (PressSource own = read_source(fields, "press"); own.given()) press.press = std::move(own);
  if (PressSource own = read_source(fields, "decode_press"); own.given())
    press.decode_press = std::move(own);
  if (press.press.text == "none" && !press.decode_press.given()) {  // whatever the server's budget
    press.keep_ratio.reset();
    press.compression_ratio.reset();
    press.budget.reset();
  }
  read_budget(fields, press);
  if (const auto n = fields.whole("min_entries", {0, kTokens.max})) press.min_entries = *n;
  if (const auto n = fields.whole("decode_every", kTokens)) press.decode_every = *n;
  if (const auto n = fields.whole("decode_budget", kTokens)) press.decode_budget = *n;
  if (const auto x = fields.number("decode_keep_ratio", kKeepRatioLimits))
    press.decode_keep_ratio = *x;
  return press;
}

AnswerOptions read_answer_fields(Fields& fields, const ServedModel& served, const char* stop_name) {
  AnswerOptions out;
  SamplingOptions& sampling = out.sampling;
  sampling.temperature = fields.number("temperature", kTemperature).value_or(1);
  sampling.top_p = fields.number("top_p", kTopPLimits).value_or(1);
  sampling.top_k = fields.whole("top_k", kNotNegative).value_or(0);
  const auto seed = fields.whole("seed", {-kNoLimit, kNoLimit});
  sampling.seed = seed ? static_cast<uint64_t>(*seed) : std::random_device()();
  out.presence_penalty = fields.number("presence_penalty", kPenalty).value_or(0);
  out.frequency_penalty = fields.number("frequency_penalty", kPenalty).value_or(0);
  out.logit_bias = read_bias(fields, served);
  out.ignore_eos = fields.flag("ignore_eos").value_or(false);
  out.stop = fields.texts(stop_name);
  if (out.stop.size() > kMostStops)
    refuse_field(stop_name,
                 "found " + std::to_string(out.stop.size()) + " texts; expected at most " +
                     std::to_string(kMostStops));
  for (const auto& stop : out.stop)
    if (stop.empty()) refuse_field(stop_name, "found an empty text; expected texts to stop at");
  return out;
}

Shared read_shared_fields(const nlohmann::json& body, Fields& fields, ServedModel& served) {
  PolicyOptions press = read_press_fields(fields, served);
  const std::string document = fields.text("document").value_or("");
  if (!document.empty()) {
    if (names_press(body))
      refuse_field("press",
                   "found beside document, which was compressed already; expected these fields "
                   "where the document is made");
    press = full_cache();
  }
  Shared shared{served.policy(press), document};
  shared.reuse = fields.flag("cache_prompt").value_or(true);
  shared.extend = fields.flag("cache_prompt").value_or(false) ||
                  shared.policy.policy.press() == "none";
  const std::string kept = fields.text("kept").value_or("no");
  if (kept != "no" && kept != "counts" && kept != "positions")
    refuse_field("kept", "found " + quoted(kept) + "; expected \"counts\" or \"positions\"");
  shared.kept = kept == "counts"      ? Kept::Counts
                : kept == "positions" ? Kept::Positions
                                      : Kept::No;
  shared.method_seed =
      static_cast<uint64_t>(fields.whole("method_seed", kNotNegative).value_or(0));
  return shared;
}

Task new_task(const ServedModel& served, Policy policy, const std::shared_ptr<Outlet>& outlet) {
  Task task(served.model(), served.name(), std::move(policy), outlet);
  task.context = served.context();
  return task;
}

Task make_task(const Shared& shared,
               const ServedModel& served,
               const std::shared_ptr<Outlet>& outlet) {
  Task task = new_task(served, shared.policy.policy, outlet);
  task.policy_key = shared.policy.key + "|" + std::to_string(shared.method_seed);
  task.method_seed = shared.method_seed;
  task.document = shared.document;
  task.reuse = shared.reuse && shared.document.empty() &&
               shared.policy.policy.decode_press().empty();
  task.extend = shared.extend;
  task.kept = shared.kept;
  return task;
}

void check_prompt(const ServedModel& served, const Task& task, const std::string& field) {
  const auto n = static_cast<int64_t>(task.tokens.size());
  if (n == 0) refuse_field(field, "holds no tokens; expected at least one");
  if (served.context() > 0 && n > served.context())
    refuse_field(field,
                 "has " + std::to_string(n) + " tokens; expected at most " +
                     std::to_string(served.context()) + ", the context of this server");
}

}  // namespace kvhost
