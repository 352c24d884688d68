// SPDX-License-Identifier: Apache-2.0
#include "measure/analysis_json.hpp"

#include <nlohmann/json.hpp>

#include "base/version.hpp"

namespace kvhost {

namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json to_json(const Similarity& s) {
  return {{"pearson", number(s.pearson)},
          {"spearman", number(s.spearman)},
          {"cosine", number(s.cosine)}};
}

json to_json(const LengthRanks& length) {
  json texts = json::array();
  for (const TextRanks& text : length.texts)
    texts.push_back({{"ranks", text.ranks},
                     {"head_ranks", text.head_ranks.empty() ? json() : json(text.head_ranks)},
                     {"entropies", text.entropies}});
  return {{"n_tokens", length.n_tokens},
          {"mean", length.mean},
          {"std", length.std},
          {"head_ranks", length.head_mean.empty() ? json() : json(length.head_mean)},
          {"entropies", length.entropy},
          {"texts", texts},
          {"similarity",
           {{"between_texts", to_json(length.between)},
            {"between_texts_least", to_json(length.between_least)},
            {"to_mean_of_others", to_json(length.stored)},
            {"to_mean_of_others_least", to_json(length.stored_least)}}}};
}

json to_json(const BudgetEstimate& e) {
  return {{"name", e.name},
          {"press", e.press},
          {"aggregation", e.aggregation},
          {"n_tokens", e.n_tokens},
          {"measured", e.measured},
          {"ranks", e.ranks.empty() ? json() : json(e.ranks)},
          {"to_exact", to_json(e.to_exact)},
          {"entries", e.entries},
          {"misplaced_entries", e.misplaced},
          {"misplaced_entries_most", e.misplaced_most},
          {"misplaced_share", e.misplaced_share()},
          {"layer_errors", e.layer_errors},
          {"estimate_ms", number(e.ms)},
          {"model_ms", number(e.model_ms)},
          {"time_share", number(e.time_share)},
          {"reaches_goal", e.reaches_goal()}};
}

json files_json(const AnalysisReport& report) {
  json files = json::array();
  for (const auto& file : report.files)
    files.push_back({{"name", file.name}, {"sha256", file.sha256}});
  return files;
}

json model_json(const AnalysisReport& r) {
  return {{"name", r.model_name},
          {"path", r.model.path},
          {"family", r.model.family},
          {"n_layers", r.model.n_layers},
          {"n_heads", r.model.n_heads},
          {"n_kv_heads", r.model.n_kv_heads},
          {"head_dim", r.model.head_dim},
          {"dtype", r.dtype},
          {"weights_hash", r.model_hash},
          {"tokenizer_hash", r.tokenizer_hash}};
}

}  // namespace

json to_json(const AnalysisReport& r) {
  json out = {{"schema", 1},
              {"kvhost", version()},
              {"suite", r.suite},
              {"model", model_json(r)},
              {"cpu", r.cpu},
              {"threads", r.threads},
              {"keep_ratio", r.keep_ratio},
              {"files", files_json(r)},
              {"texts", r.texts},
              {"goal", {{"misplaced_share", kMisplacedGoal}, {"time_share", kTimeGoal}}},
              {"lengths", json::array()},
              {"aggregations", json::array()},
              {"estimates", json::array()},
              {"strategies", json::array()}};
  for (const auto& length : r.lengths) out["lengths"].push_back(to_json(length));
  for (const auto& a : r.aggregated)
    out["aggregations"].push_back(
        {{"aggregation", a.aggregation}, {"n_tokens", a.n_tokens}, {"ranks", a.ranks}});
  for (const auto& e : r.estimates) out["estimates"].push_back(to_json(e));
  for (const auto& s : r.strategies)
    out["strategies"].push_back({{"name", s.name},
                                 {"press", s.press},
                                 {"n_tokens", r.longest().n_tokens},
                                 {"entries", s.entries}});
  return out;
}

json rank_profile_json(std::span<const double> ranks) {
  return {{"schema", 1}, {"ranks", std::vector<double>(ranks.begin(), ranks.end())}};
}

json rank_profile_json(const AnalysisReport& r) {
  const LengthRanks& length = r.longest();
  json out = rank_profile_json(length.mean);
  out["std"] = length.std;
  out["n_tokens"] = length.n_tokens;
  out["n_texts"] = length.texts.size();
  out["aggregation"] = "mean";
  out["texts"] = r.texts;
  out["files"] = files_json(r);
  out["model"] = model_json(r);
  out["made_with"] = std::string("kvhost analyze, ") + version();
  return out;
}

}  // namespace kvhost
