// SPDX-License-Identifier: Apache-2.0
#include "measure/report_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/version.hpp"

namespace kvhost {

namespace {

using nlohmann::json;

json to_json(const Timings& t) {
  return {{"load_ms", t.load_ms},
          {"prefill_ms", t.prefill_ms},
          {"passes_ms", t.passes_ms},
          {"score_ms", t.score_ms},
          {"allocate_ms", t.allocate_ms},
          {"select_ms", t.select_ms},
          {"compact_ms", t.compact_ms},
          {"ttft_ms", t.ttft_ms},
          {"decode_ms", t.decode_ms},
          {"tpot_ms", t.tpot_ms},
          {"tokens_per_s", t.tokens_per_s}};
}

json to_json(const MemoryUse& m) {
  return {{"cache_bytes_full", m.cache_bytes_full},
          {"cache_bytes_kept", m.cache_bytes_kept},
          {"cache_bytes_peak", m.cache_bytes_peak},
          {"cache_bytes_allocated", m.cache_bytes_allocated},
          {"rss_peak_bytes", m.rss_peak_bytes}};
}

json to_json(const Agreement& a) {
  return {{"n_tokens", a.n_tokens},
          {"nll", a.nll},
          {"nll_full", a.nll_full},
          {"kl", a.kl},
          {"top1", a.top1}};
}

json full_json(const RunReport& report) {
  if (!report.full) return nullptr;
  const Generation& full = *report.full;
  return {{"tokens", full.tokens},
          {"text", full.text},
          {"finish_reason", full.finish_reason},
          {"n_new_tokens", full.tokens.size()},
          {"timings", to_json(full.timings)},
          {"memory", to_json(full.memory)},
          {"agreement", report.agreement ? to_json(*report.agreement) : json(nullptr)}};
}

json layers_json(const RunReport& report) {
  json layers = json::array();
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const LayerReport& layer = report.layers[i];
    json entry = {{"layer", i}, {"budget", layer.budget}, {"n_kept", layer.n_kept}};
    if (!report.observed_name.empty())
      entry["observed"] = std::isfinite(layer.observed) ? json(layer.observed) : json(nullptr);
    layers.push_back(std::move(entry));
  }
  return layers;
}

json press_json(const RunReport& report) {
  json press = {{"spec", report.press_spec}, {"json", json::parse(report.press_json)}};
  if (!report.decode.press_spec.empty()) press["decode"] = report.decode.press_spec;
  return press;
}

json decode_json(const DecodeReport& decode) {
  if (decode.press_spec.empty()) return nullptr;
  json cuts = json::array();
  for (const auto& cut : decode.cuts)
    cuts.push_back({{"n_seen", cut.n_seen}, {"n_kept", cut.entries}, {"bytes", cut.bytes}});
  return {{"press", decode.press_spec},
          {"every", decode.every},
          {"entries_per_head", decode.entries_per_head},
          {"keep_ratio", decode.keep_ratio},
          {"cuts", cuts}};
}

json model_json(const RunReport& report) {
  const ModelFacts& model = report.model;
  return {{"path", model.path},
          {"family", model.family},
          {"dtype", dtype_name(report.dtype)},
          {"n_layers", model.n_layers},
          {"n_heads", model.n_heads},
          {"n_kv_heads", model.n_kv_heads},
          {"head_dim", model.head_dim}};
}

}  // namespace

json to_json(const std::vector<PluginFacts>& plugins) {
  json list = json::array();
  for (const auto& plugin : plugins)
    list.push_back(
        {{"method", plugin.method}, {"library", plugin.library}, {"sha256", plugin.sha256}});
  return list;
}

json to_json(const RunReport& report) {
  const BudgetReport& budget = report.budget;
  const bool observed = !report.observed_name.empty();
  return {{"schema", 1},
          {"kvhost", version()},
          {"model", model_json(report)},
          {"press", press_json(report)},
          {"plugins", to_json(report.plugins)},
          {"budget",
           {{"mode", budget.mode},
            {"value", budget.value},
            {"defaulted", budget.defaulted},
            {"raised", budget.raised},
            {"entries_per_head", budget.entries_per_head},
            {"entries_total", budget.entries_total}}},
          {"decode", decode_json(report.decode)},
          {"n_prompt_tokens", report.n_prompt_tokens},
          {"n_new_tokens", report.run.tokens.size()},
          {"tokens", report.run.tokens},
          {"text", report.run.text},
          {"finish_reason", report.run.finish_reason},
          {"timings", to_json(report.run.timings)},
          {"memory", to_json(report.run.memory)},
          {"observed", observed ? json(report.observed_name) : json(nullptr)},
          {"observed_from", observed ? json(report.observed_from) : json(nullptr)},
          {"layers", layers_json(report)},
          {"full", full_json(report)},
          {"warnings", report.warnings}};
}

}  // namespace kvhost
