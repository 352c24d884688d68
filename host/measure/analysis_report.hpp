// SPDX-License-Identifier: Apache-2.0
// What an analysis of a model's attention found. Filled by the room analysis, read by the printers
// and by analysis_json.hpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "measure/model_facts.hpp"

namespace kvhost {

inline constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();

// What a cheap estimate should reach: entries at the wrong layer, as a share of the budget, and
// its time as a share of the model's own in the prefill.
inline constexpr double kMisplacedGoal = 0.01, kTimeGoal = 0.02;

// One text at one length. Ranks are divided by the tokens: 1 is the largest there can be.
struct TextRanks {
  std::vector<double> ranks;                    // [n_layers] of the mean map over heads
  std::vector<std::vector<double>> head_ranks;  // [n_layers][n_heads]; empty: not looked at
  std::vector<std::vector<double>> entropies;   // [n_layers][n_heads] nats, mean over queries
};

// How alike two profiles of layers are.
struct Similarity {
  double pearson = kNotKnown, spearman = kNotKnown, cosine = kNotKnown;
};

// All texts at one length.
struct LengthRanks {
  int64_t n_tokens = 0;
  std::vector<TextRanks> texts;
  std::vector<double> mean, std;               // [n_layers] over texts; std as of a population
  std::vector<std::vector<double>> head_mean;  // [n_layers][n_heads]; empty: not looked at
  std::vector<std::vector<double>> entropy;    // [n_layers][n_heads]
  // Each text against each other one, and against the mean of the others; the mean and the least.
  Similarity between, between_least, stored, stored_least;
};

// One way to make one number of a layer's heads, mean over texts.
struct AggregatedRanks {
  std::string aggregation;
  int64_t n_tokens = 0;
  std::vector<double> ranks;  // [n_layers]
};

// Layer budgets from something else than the exact ranks, against those from the exact ranks.
struct BudgetEstimate {
  std::string name, press;
  std::string aggregation = "mean";
  int64_t n_tokens = 0;
  bool measured = false;      // from the prompt, which takes time
  std::vector<double> ranks;  // [n_layers] mean over texts; empty: it has none
  Similarity to_exact;        // mean over texts
  int64_t entries = 0;        // the budget
  double misplaced = 0, misplaced_most = 0;  // entries at the wrong layer: mean, largest of a text
  std::vector<double> layer_errors;          // [n_layers] entries, estimate minus exact, mean
  double ms = kNotKnown, model_ms = kNotKnown, time_share = kNotKnown;  // medians over texts

  double misplaced_share() const {
    return entries > 0 ? misplaced / static_cast<double>(entries) : 0;
  }
  bool reaches_goal() const {
    return misplaced_share() <= kMisplacedGoal && (!measured || time_share <= kTimeGoal);
  }
};

struct StrategyBudgets {
  std::string name, press;
  std::vector<int64_t> entries;  // [n_layers] over all KV heads
};

struct AnalysedFile {
  std::string name, sha256;
};

struct AnalysisReport {
  std::string suite;
  std::string model_name, model_hash, tokenizer_hash, dtype, cpu;
  ModelFacts model;
  int threads = 0;
  double keep_ratio = 0;
  std::vector<AnalysedFile> files;
  std::vector<std::string> texts;  // "alice.txt@4096": the file and the first token's place
  std::vector<LengthRanks> lengths;  // the shortest first
  std::vector<AggregatedRanks> aggregated;
  std::vector<BudgetEstimate> estimates;
  std::vector<StrategyBudgets> strategies;  // from the mean ranks at the longest length

  const LengthRanks& longest() const { return lengths.back(); }
  // The longest one at which heads were looked at; null: none.
  const LengthRanks* with_heads() const {
    for (size_t i = lengths.size(); i-- > 0;)
      if (!lengths[i].head_mean.empty()) return &lengths[i];
    return nullptr;
  }
};

}  // namespace kvhost
