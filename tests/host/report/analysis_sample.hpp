// SPDX-License-Identifier: Apache-2.0
// An analysis that nobody made.
#pragma once

#include <cmath>

#include "measure/analysis_report.hpp"

namespace kvhost::test {

inline LengthRanks made_length(int64_t n_tokens, size_t n_layers, bool with_heads) {
  LengthRanks length;
  length.n_tokens = n_tokens;
  for (size_t t = 0; t < 4; ++t) {
    TextRanks text;
    for (size_t l = 0; l < n_layers; ++l) {
      const double u = static_cast<double>(l) / static_cast<double>(n_layers - 1) - 0.4;
      text.ranks.push_back((0.2 + 2 * u * u + 0.01 * std::sin(static_cast<double>(3 * t + l))) *
                           std::pow(static_cast<double>(n_tokens) / 256, -0.2));
      text.entropies.push_back({1.5, 2.5 - u, 3.5, 0.4 + u * u});
      if (with_heads) text.head_ranks.push_back({0.1, 0.3 + u * u, 0.6, 0.2});
    }
    length.texts.push_back(text);
  }
  length.mean = length.texts[0].ranks;
  length.std.assign(n_layers, 0.012);
  length.entropy = length.texts[0].entropies;
  length.head_mean = length.texts[0].head_ranks;
  length.between = length.stored = {0.98, 0.95, 0.999};
  length.between_least = length.stored_least = {0.91, 0.88, 0.99};
  return length;
}

inline BudgetEstimate made_estimate(const std::string& name,
                                    const LengthRanks& length,
                                    double misplaced,
                                    double share) {
  BudgetEstimate e;
  e.name = name;
  e.press = "method(<a&b>):scorer";
  e.n_tokens = length.n_tokens;
  e.ranks = length.mean;
  e.entries = 1000 * static_cast<int64_t>(length.mean.size());
  e.misplaced = misplaced;
  e.misplaced_most = 2 * misplaced;
  for (size_t l = 0; l < length.mean.size(); ++l)
    e.layer_errors.push_back(misplaced * std::sin(static_cast<double>(2 * l)));
  e.to_exact = {0.97, 0.9, 0.99};
  if (share > 0) {
    e.measured = true;
    e.ms = 3;
    e.model_ms = 3 / share;
    e.time_share = share;
  }
  return e;
}

inline AnalysisReport made_analysis(size_t n_layers) {
  AnalysisReport report;
  report.suite = "made_<up>";
  report.model_name = "no model";
  report.model.n_layers = static_cast<int64_t>(n_layers);
  report.model.n_heads = 4;
  report.dtype = "float32";
  report.threads = 2;
  report.keep_ratio = 0.25;
  report.texts = {"a.txt@0", "a.txt@512", "b.txt@0", "b.txt@512"};
  for (const int64_t n : {128, 256, 512, 1024})
    report.lengths.push_back(made_length(n, n_layers, n <= 512));
  for (const char* name : {"mean", "per_head", "median", "max", "min"})
    report.aggregated.push_back({name, 512, report.lengths[2].mean});
  for (const auto& length : report.lengths) {
    const double n = static_cast<double>(length.n_tokens);
    report.estimates.push_back(made_estimate("128 rows", length, 0.05 * n, 0.004 + n / 50000));
    report.estimates.push_back(made_estimate("64 rows", length, 0.2 * n, 0.003 + n / 90000));
    report.estimates.push_back(made_estimate("stored", length, 60, 0));
  }
  for (const char* name : {"ranks", "power 2", "inverse", "uniform", "pyramid"}) {
    report.strategies.push_back({name, "method(x=1):scorer", {}});
    for (size_t l = 0; l < n_layers; ++l)
      report.strategies.back().entries.push_back(
          static_cast<int64_t>(1000 * (1 + 0.5 * std::sin(static_cast<double>(l + name[0])))));
  }
  return report;
}

}  // namespace kvhost::test
