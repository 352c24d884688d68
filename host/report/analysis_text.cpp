// SPDX-License-Identifier: Apache-2.0
// An analysis as tables for a terminal.
#include <algorithm>
#include <cmath>
#include <ostream>

#include "report/analysis_printers.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

using Cells = std::vector<std::string>;

constexpr int kBarWidth = 16;

void head(std::ostream& out, const Ink& ink, const std::string& title, const std::string& more) {
  out << '\n' << ink.bold(title) << '\n';
  if (!more.empty()) out << ink.dim(more) << '\n';
}

std::string tokens_text(int64_t n) { return std::to_string(n) + " tokens"; }

// "0.31-0.82" of a layer's heads.
std::string span_of(const std::vector<double>& heads, int decimals) {
  const auto [low, high] = std::minmax_element(heads.begin(), heads.end());
  return format_number(*low, decimals) + "-" + format_number(*high, decimals);
}

double mean_over(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

void print_layers(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  const LengthRanks& length = report.longest();
  head(out,
       ink,
       "Effective rank of each layer's attention, " + tokens_text(length.n_tokens),
       "share of the largest possible; mean over " + std::to_string(length.texts.size()) +
           " texts +- std; entropy in nats, of the heads");
  const double widest = *std::max_element(length.mean.begin(), length.mean.end());
  std::vector<Cells> rows = {{"layer", "rank", "+-", "of tokens", "entropy", "least-most", ""}};
  for (size_t l = 0; l < length.mean.size(); ++l)
    rows.push_back({std::to_string(l),
                    format_number(length.mean[l], 4),
                    format_number(length.std[l], 4),
                    format_number(length.mean[l] * static_cast<double>(length.n_tokens), 0),
                    format_number(mean_over(length.entropy[l]), 2),
                    span_of(length.entropy[l], 2),
                    ink.bar(widest > 0 ? length.mean[l] / widest : 0, kBarWidth)});
  print_table(out, ink, rows, /*with_head=*/true);
}

void print_aggregations(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  const LengthRanks* length = report.with_heads();
  if (!length) return;
  head(out,
       ink,
       "From heads to a layer, " + tokens_text(length->n_tokens),
       "mean: rank of the heads' mean map; the others: of the heads' own ranks");
  std::vector<Cells> rows = {{"layer"}};
  for (const auto& one : report.aggregated) rows[0].push_back(one.aggregation);
  for (size_t l = 0; l < length->mean.size(); ++l) {
    rows.push_back({std::to_string(l)});
    for (const auto& one : report.aggregated)
      rows.back().push_back(format_number(one.ranks[l], 4));
  }
  print_table(out, ink, rows, /*with_head=*/true);
}

void print_lengths(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  if (report.lengths.size() < 2) return;
  head(out, ink, "Rank against length", "share of the largest possible at that length");
  std::vector<Cells> rows = {{"layer"}};
  for (const auto& length : report.lengths) rows[0].push_back(tokens_text(length.n_tokens));
  for (size_t l = 0; l < report.longest().mean.size(); ++l) {
    rows.push_back({std::to_string(l)});
    for (const auto& length : report.lengths)
      rows.back().push_back(format_number(length.mean[l], 4));
  }
  print_table(out, ink, rows, /*with_head=*/true);
}

void print_strategies(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  if (report.strategies.empty()) return;
  head(out,
       ink,
       "Entries of each layer, " + format_percent(report.keep_ratio) + " of " +
           tokens_text(report.longest().n_tokens) + " kept",
       "over all KV heads, from the mean ranks above");
  std::vector<Cells> rows = {{"layer"}};
  for (const auto& strategy : report.strategies) rows[0].push_back(strategy.name);
  for (size_t l = 0; l < report.longest().mean.size(); ++l) {
    rows.push_back({std::to_string(l)});
    for (const auto& strategy : report.strategies)
      rows.back().push_back(std::to_string(strategy.entries[l]));
  }
  print_table(out, ink, rows, /*with_head=*/true);
}

void add_similarity(std::vector<Cells>& rows,
                    const std::string& name,
                    const Similarity& mean,
                    const Similarity& least) {
  rows.push_back({name});
  for (double Similarity::* part :
       {&Similarity::pearson, &Similarity::spearman, &Similarity::cosine})
    rows.back().push_back(format_number(mean.*part, 4) + " (" + format_number(least.*part, 4) +
                          ")");
}

void print_consistency(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  if (report.texts.size() < 2) return;
  head(out, ink, "Does a layer's rank depend on the text?", "over layers: mean (least)");
  std::vector<Cells> rows = {{"", "Pearson", "Spearman", "cosine"}};
  for (const auto& length : report.lengths) {
    const std::string at = ", " + tokens_text(length.n_tokens);
    add_similarity(rows, "two texts" + at, length.between, length.between_least);
    add_similarity(
        rows, "a text and the mean of the others" + at, length.stored, length.stored_least);
  }
  print_table(out, ink, rows, /*with_head=*/true);
}

void print_estimates(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  head(out,
       ink,
       "Budgets from less than the exact ranks",
       "entries at another layer than with the exact ranks of the text; goal: at most " +
           format_percent(kMisplacedGoal) + " of the budget at " + format_percent(kTimeGoal) +
           " of the model's time");
  std::vector<Cells> rows = {{"ranks", "heads", "tokens", "Pearson", "Spearman", "misplaced",
                              "of budget", "most", "ms", "of prefill", "goal"}};
  for (const auto& e : report.estimates)
    rows.push_back({e.name,
                    e.aggregation,
                    std::to_string(e.n_tokens),
                    format_number(e.to_exact.pearson, 3),
                    format_number(e.to_exact.spearman, 3),
                    format_number(e.misplaced, 1),
                    format_number(100 * e.misplaced_share(), 2) + "%",
                    format_number(e.misplaced_most, 0),
                    format_number(e.ms, 1),
                    format_percent(e.time_share),
                    e.reaches_goal() ? "reached" : "missed"});
  print_table(out, ink, rows, /*with_head=*/true);
}

}  // namespace

void print_analysis(std::ostream& out, const Ink& ink, const AnalysisReport& report) {
  out << ink.bold(report.suite + " on " + report.model_name) << ": " << report.model.n_layers
      << " layers of " << report.model.n_heads << " heads, " << report.dtype << ", "
      << report.texts.size() << " texts, " << report.threads << " threads\n";
  print_layers(out, ink, report);
  print_aggregations(out, ink, report);
  print_lengths(out, ink, report);
  print_strategies(out, ink, report);
  print_consistency(out, ink, report);
  print_estimates(out, ink, report);
}

}  // namespace kvhost
