// SPDX-License-Identifier: Apache-2.0
#include "cli/plan.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/job.hpp"
#include "engine/cache_needs.hpp"
#include "engine/model_state.hpp"
#include "engine/policy_state.hpp"
#include "press/passes.hpp"

namespace kvhost {
namespace {

const char* when_in_words(CutTime time) {
  switch (time) {
    case CutTime::AtOnce:
      return "each layer right after its own forward";
    case CutTime::Progressive:
      return "each layer to a provisional share, exactly after the last layer";
    case CutTime::AtEnd:
      return "all layers after the last one (the full cache is held until then)";
    case CutTime::AtEndScored:
      return "all layers after the last one, scored then (the full cache is held until then)";
    case CutTime::AfterPasses:
      return "all layers after further passes (the full cache is held until then)";
  }
  return "";
}

// As many as are captured beside the last ones.
int64_t spread_rows_at_most(const Press& press, int64_t kv_len) {
  int64_t n = 0;
  for (const int64_t one : press.query_spreads()) n += std::min(one, kv_len);
  return press.capture().query_window < 0 ? 0 : std::min(n, kv_len);
}

nlohmann::json captures_json(const Press& press, const ModelConfig& config, int64_t kv_len) {
  nlohmann::json list = nlohmann::json::array();
  if (press.none()) return list;
  const int64_t d = config.head_dim, heads = config.n_heads, layers = config.n_layers;
  const auto add = [&](const std::string& what,
                       const std::string& cost,
                       int64_t bytes,
                       double flops) {
    list.push_back({{"tensor", what}, {"cost", cost}, {"bytes_at_once", bytes}, {"flops", flops}});
  };
  const auto rows = [&](int64_t window) { return window < 0 ? kv_len : std::min(window, kv_len); };
  if (press.needs_tensor(KVH_T_HIDDEN))
    add("hidden", "slice", rows(press.window_of(KVH_T_HIDDEN)) * config.hidden_size * 4, 0);
  if (const int64_t n = spread_rows_at_most(press, kv_len); n > 0)
    add("query_spread", "slice", n * heads * d * 4, 0);
  if (press.window_of(KVH_T_QUERY_WINDOW) != 0)
    add("query_window", "slice", rows(press.window_of(KVH_T_QUERY_WINDOW)) * heads * d * 4, 0);
  if (press.needs_tensor(KVH_T_WINDOW_ATTENTION)) {
    const int64_t w = rows(press.window_of(KVH_T_WINDOW_ATTENTION));
    add("window_attention",
        "one small matrix product per layer",
        heads * w * kv_len * 4,
        2.0 * static_cast<double>(layers * heads * w * kv_len * d));
  }
  const double square = static_cast<double>(layers * heads) * static_cast<double>(kv_len) *
                        static_cast<double>(kv_len);
  if (press.needs_tensor(KVH_T_ATTENTION_MEAN))
    add("attention_mean",
        "quadratic in the prompt",
        kv_len * kv_len * 4 * 3,
        2.0 * square * static_cast<double>(d));
  if (press.needs_tensor(KVH_T_ATTENTION))
    add("attention",
        "quadratic in the prompt",
        heads * kv_len * kv_len * 4,
        2.0 * square * static_cast<double>(d));
  if (press.needs_tensor(KVH_T_ATTENTION_SUM)) {
    const int64_t w = rows(press.window_of(KVH_T_ATTENTION_SUM));
    add("attention_sum",
        w == kv_len ? "quadratic in the prompt, in time only"
                    : "one small matrix product per layer",
        heads * kv_len * 4,
        2.0 * static_cast<double>(layers * heads * w) * static_cast<double>(kv_len * d));
  }
  if (press.needs_tensor(KVH_T_OUTPUT_WEIGHT)) add("output_weight", "free", 0, 0);
  return list;
}

// Of the projections of one token in one layer, multiplications and additions.
double token_flops(const ModelConfig& c) {
  const double attention_weights =
      static_cast<double>(c.hidden_size * c.head_dim * 2 * (c.n_heads + c.n_kv_heads));
  const double mlp_weights =
      static_cast<double>(c.hidden_size * c.intermediate_size * (c.gated_mlp ? 3 : 2));
  return 2.0 * (attention_weights + mlp_weights);
}

// Multiply-adds of the prefill, times two: projections of every token and causal attention.
double prefill_flops(const ModelConfig& c, int64_t kv_len) {
  const double t = static_cast<double>(kv_len);
  const double quadratic = 2.0 * t * t * static_cast<double>(c.n_heads * c.head_dim);
  return static_cast<double>(c.n_layers) * (t * token_flops(c) + quadratic);
}

// Of a method's passes: their tokens over the whole prompt, and the columns of their attention once
// more. For gradients a pass runs four times more: forwards, and layer by layer both ways.
double pass_flops(const ModelConfig& c, int64_t kv_len, const kvh_pass_cost& cost) {
  const auto tokens = static_cast<double>(cost.n_tokens);
  const double own = tokens * static_cast<double>(cost.longest) / 2;
  const double width = static_cast<double>(c.n_heads * c.head_dim);
  const double read =
      tokens * token_flops(c) + 4.0 * width * (tokens * static_cast<double>(kv_len) + own);
  const double columns = 2.0 * width * (static_cast<double>(cost.n_columns) + own);
  return static_cast<double>(c.n_layers) * (read * (cost.gradients ? 5 : 1) + columns);
}

nlohmann::json passes_json(const ModelConfig& config,
                           int64_t kv_len,
                           const std::vector<PassReport>& reports) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& report : reports)
    list.push_back({{"method", report.method},
                    {"n_passes", report.cost.n_passes},
                    {"n_tokens", report.cost.n_tokens},
                    {"longest", report.cost.longest},
                    {"gradients", report.cost.gradients != 0},
                    {"flops", pass_flops(config, kv_len, report.cost)}});
  return list;
}

std::vector<PassReport> passes_of_job(const Job& job) {
  const Press& press = *job.policy.state().press;
  if (press.none() || press.cut_time() != CutTime::AfterPasses) return {};
  return pass_reports(press, job.model.state().prompt(job.prompt.tokens));
}

nlohmann::json layers_json(int64_t entry_bytes, const std::vector<int64_t>& entries) {
  nlohmann::json layers = nlohmann::json::array();
  for (size_t l = 0; l < entries.size(); ++l)
    layers.push_back({{"layer", l}, {"entries", entries[l]}, {"bytes", entries[l] * entry_bytes}});
  return layers;
}

}  // namespace

nlohmann::json plan(const RunOptions& options) {
  const Job job = prepare(options);
  const ModelConfig& c = job.model.state().config;
  const PolicyState& policy = job.policy.state();
  const auto kv_len = static_cast<int64_t>(job.prompt.tokens.size());
  const BudgetReport budget = job.policy.budget(kv_len);
  const DType dtype = job.model.dtype();
  const CacheLayout layout{c.n_layers, c.n_kv_heads, c.head_dim, dtype};
  const Press& press = *policy.press;
  const CacheNeeds needs = cache_needs(job.model, job.policy, job.prompt.tokens);
  const bool per_layer = press.none() || !needs.layer_entries.empty();
  const std::vector<PassReport> passes = passes_of_job(job);
  nlohmann::json warnings = job.warnings;
  if (press.prunes_channels())
    warnings.push_back(
        "bytes are those of whole keys: what the dropped key channels free comes off in the run");
  return {
      {"press", policy.text},
      {"json", nlohmann::json::parse(policy.json)},
      {"decode_press", policy.decode_press ? nlohmann::json(policy.decode_text) : nlohmann::json()},
      {"model",
       {{"path", job.model.facts().path},
        {"family", c.family},
        {"n_layers", c.n_layers},
        {"n_kv_heads", c.n_kv_heads},
        {"head_dim", c.head_dim},
        {"dtype", dtype_name(dtype)}}},
      {"n_prompt_tokens", kv_len},
      {"budget",
       {{"mode", budget.mode},
        {"value", budget.value},
        {"entries_per_head", budget.entries_per_head},
        {"entries_total", needs.entries}}},
      {"cut", when_in_words(press.cut_time())},
      {"layers",
       per_layer ? layers_json(layout.bytes_per_entry(), needs.layer_entries) : nlohmann::json()},
      {"bytes",
       {{"full", needs.full},
        {"kept", needs.kept},
        {"peak", needs.peak},
        {"one_full_layer", kv_len * c.n_kv_heads * layout.bytes_per_entry()}}},
      {"captures", captures_json(press, c, kv_len)},
      {"passes", passes_json(c, kv_len, passes)},
      {"prefill_flops", prefill_flops(c, kv_len)},
      {"warnings", warnings}};
}

std::string plan_text(const nlohmann::json& plan) {
  const auto bytes = [](const nlohmann::json& value) { return format_bytes(value.get<int64_t>()); };
  char line[256];
  std::string out = "press    " + plan["press"].get<std::string>() + "\n";
  if (!plan["decode_press"].is_null())
    out += "decode   " + plan["decode_press"].get<std::string>() + "\n";
  const auto& model = plan["model"];
  std::snprintf(line,
                sizeof line,
                "model    %s, %d layers x %d KV heads x %d, %s\n",
                model["family"].get<std::string>().c_str(),
                model["n_layers"].get<int>(),
                model["n_kv_heads"].get<int>(),
                model["head_dim"].get<int>(),
                model["dtype"].get<std::string>().c_str());
  out += line;
  const auto& budget = plan["budget"];
  std::snprintf(line,
                sizeof line,
                "budget   %lld of %lld entries per head on average, %lld in all (%s)\n",
                budget["entries_per_head"].get<long long>(),
                plan["n_prompt_tokens"].get<long long>(),
                budget["entries_total"].get<long long>(),
                budget["mode"].get<std::string>().c_str());
  out += line;
  out += "cut      " + plan["cut"].get<std::string>() + "\n";
  const auto& b = plan["bytes"];
  out += "cache    full " + bytes(b["full"]) + ", kept " + bytes(b["kept"]) + ", peak " +
         bytes(b["peak"]) + "\n";
  const double prefill = plan["prefill_flops"].get<double>();
  for (const auto& capture : plan["captures"]) {
    std::snprintf(line,
                  sizeof line,
                  "needs    %s: %s, %s at once, %.2f %% of the prefill's arithmetic\n",
                  capture["tensor"].get<std::string>().c_str(),
                  capture["cost"].get<std::string>().c_str(),
                  bytes(capture["bytes_at_once"]).c_str(),
                  100.0 * capture["flops"].get<double>() / prefill);
    out += line;
  }
  for (const auto& pass : plan["passes"]) {
    std::snprintf(line,
                  sizeof line,
                  "passes   %s: %lld of up to %lld tokens, %lld in all%s, %.0f %% of the prefill's "
                  "arithmetic\n",
                  pass["method"].get<std::string>().c_str(),
                  pass["n_passes"].get<long long>(),
                  pass["longest"].get<long long>(),
                  pass["n_tokens"].get<long long>(),
                  pass["gradients"].get<bool>() ? ", forwards and backwards" : "",
                  100.0 * pass["flops"].get<double>() / prefill);
    out += line;
  }
  if (plan["layers"].is_null()) {
    out += "layers   decided from the prompt\n";
  } else {
    for (const auto& layer : plan["layers"]) {
      std::snprintf(line,
                    sizeof line,
                    "layer %-3lld %8lld entries  %10s\n",
                    layer["layer"].get<long long>(),
                    layer["entries"].get<long long>(),
                    bytes(layer["bytes"]).c_str());
      out += line;
    }
  }
  for (const auto& warning : plan["warnings"])
    out += "note     " + warning.get<std::string>() + "\n";
  return out;
}

}  // namespace kvhost
