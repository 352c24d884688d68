// SPDX-License-Identifier: Apache-2.0
#include "analysis/analyzer.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/effective_rank.hpp"
#include "analysis/estimates.hpp"
#include "analysis/probe.hpp"
#include "analysis/summary.hpp"
#include "analysis/text_ranks.hpp"
#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "eval/segments.hpp"

namespace kvhost::analysis {

namespace {

using Tokens = std::span<const int32_t>;

// How far the whole is, in multiplications.
class Work {
 public:
  Work(const ModelFacts& model, std::function<void(double)> tell)
      : model_(model), tell_(std::move(tell)) {}

  void expect(double amount) { all_ += amount; }
  std::function<void(double)> step(double amount) {
    const double before = done_;
    done_ += amount;
    return [this, before, amount](double share) {
      if (tell_) tell_(std::min(1.0, (before + share * amount) / std::max(all_, 1.0)));
    };
  }

  void finish() const {
    if (tell_) tell_(1);
  }

  double of_prefill(int64_t n_tokens) const {
    const auto width = static_cast<double>(model_.n_heads * model_.head_dim);
    return 24 * width * width * static_cast<double>(model_.n_layers * n_tokens);
  }
  double of_ranks(int64_t n_tokens, bool of_heads) const {
    const auto n_maps = static_cast<double>(of_heads ? model_.n_heads + 1 : 1);
    return of_prefill(n_tokens) + 16 * n_maps * static_cast<double>(model_.n_layers) *
                                      std::pow(static_cast<double>(n_tokens), 3);
  }

 private:
  const ModelFacts& model_;
  std::function<void(double)> tell_;
  double all_ = 0, done_ = 0;
};

class Analysis {
 public:
  Analysis(const Engine& engine,
           const Model& model,
           const Recipe& recipe,
           const std::function<void(double)>& progress)
      : context_(engine.context()),
        model_(model),
        recipe_(recipe),
        probe_(engine, model, recipe.keep_ratio),
        work_(model.facts(), progress) {}

  AnalysisReport run() {
    describe();
    read_texts();
    model_.load();
    for (const int64_t n : recipe_.lengths) {
      work_.expect(n_texts() * work_.of_ranks(n, with_heads(n)));
      for (const auto& observer : recipe_.observers)
        if (runs_at(observer, n)) work_.expect(n_texts() * work_.of_prefill(n));
    }
    for (const int64_t n : recipe_.lengths) measure(n);
    aggregate_heads();
    divide_by_strategies();
    work_.finish();
    return std::move(report_);
  }

 private:
  double n_texts() const { return static_cast<double>(texts_.size()); }
  bool with_heads(int64_t n_tokens) const { return n_tokens <= recipe_.head_length; }
  bool runs_at(const NamedPress& observer, int64_t n_tokens) const {
    return observer.aggregation == "mean" || with_heads(n_tokens);
  }

  void describe() {
    report_.suite = recipe_.suite;
    report_.model = model_.facts();
    report_.model_hash = model_.weights_hash();
    report_.tokenizer_hash = model_.tokenizer_hash();
    report_.dtype = dtype_name(model_.dtype());
    report_.keep_ratio = recipe_.keep_ratio;
    for (const auto& file : recipe_.files) {
      const std::string bytes = read_file(file, ExitCode::BadRequest);
      report_.files.push_back(
          {file.filename().string(), sha256_hex(bytes.data(), bytes.size())});
    }
  }

  // Shorter texts are the beginnings of the longest ones, so that lengths can be compared.
  void read_texts() {
    eval::LikelihoodTask task;
    task.name = "analysis of " + recipe_.suite;
    task.files = recipe_.files;
    task.n_segments = recipe_.n_texts;
    task.context = recipe_.lengths.back();
    task.scored = 0;
    for (auto& segment : eval::segments_of(task, model_)) {
      report_.texts.push_back(segment.id);
      texts_.push_back(std::move(segment.context));
    }
  }

  void measure(int64_t n_tokens) {
    LengthRanks length;
    length.n_tokens = n_tokens;
    std::vector<const NamedPress*> observers;
    std::vector<EstimateTally> tallies;
    for (const auto& one : recipe_.observers) {
      if (!runs_at(one, n_tokens)) continue;
      observers.push_back(&one);
      tallies.emplace_back(about(one.name, one.press, one.aggregation, n_tokens));
    }
    for (const auto& text : texts_) {
      const Tokens tokens = Tokens(text).first(static_cast<size_t>(n_tokens));
      const bool of_heads = with_heads(n_tokens);
      length.texts.push_back(exact_ranks(
          model_, tokens, of_heads, context_, work_.step(work_.of_ranks(n_tokens, of_heads))));
      for (size_t i = 0; i < observers.size(); ++i)
        observe(*observers[i], length.texts.back(), tokens, tallies[i]);
    }
    summarise(length);
    for (const auto& tally : tallies) report_.estimates.push_back(tally.result());
    compare_stored(length);
    report_.lengths.push_back(std::move(length));
  }

  static BudgetEstimate about(const std::string& name,
                              const std::string& press,
                              const std::string& aggregation,
                              int64_t n_tokens) {
    BudgetEstimate out;
    out.name = name;
    out.press = press;
    out.aggregation = aggregation;
    out.n_tokens = n_tokens;
    return out;
  }

  // What the composition of stored ranks makes of `ranks`.
  Divided divided(const Profile& ranks, Tokens tokens) const {
    return {ranks, probe_.budgets(recipe_.profile, ranks, tokens).entries};
  }

  void observe(const NamedPress& observer,
               const TextRanks& exact,
               Tokens tokens,
               EstimateTally& tally) {
    const auto n_tokens = static_cast<int64_t>(tokens.size());
    const Probe::Seen seen =
        probe_.observe(observer, tokens, work_.step(work_.of_prefill(n_tokens)));
    tally.add({seen.observed, seen.entries},
              divided(aggregated(exact, observer.aggregation), tokens));
    tally.add_times(seen.ms, seen.model_ms);
  }

  // The mean of the other texts in place of each text's own ranks, and equal ranks for scale.
  void compare_stored(const LengthRanks& length) {
    std::vector<Profile> all;
    for (const auto& text : length.texts) all.push_back(text.ranks);
    EstimateTally stored(
        about("stored, of the other texts", recipe_.profile.press, "mean", length.n_tokens));
    EstimateTally even(about("equal layers", recipe_.profile.press, "mean", length.n_tokens));
    for (size_t i = 0; i < all.size(); ++i) {
      const Tokens tokens = Tokens(texts_[i]).first(static_cast<size_t>(length.n_tokens));
      const Divided exact = divided(all[i], tokens);
      even.add({{}, divided(Profile(all[i].size(), 1.0), tokens).entries}, exact);
      if (all.size() > 1) stored.add(divided(mean_without(all, i), tokens), exact);
    }
    if (all.size() > 1) report_.estimates.push_back(stored.result());
    report_.estimates.push_back(even.result());
  }

  void aggregate_heads() {
    const LengthRanks* length = report_.with_heads();
    for (const auto& aggregation : aggregations()) {
      if (!length) break;
      std::vector<Profile> profiles;
      for (const auto& text : length->texts) profiles.push_back(aggregated(text, aggregation));
      report_.aggregated.push_back(
          {aggregation, length->n_tokens, mean_of(std::span<const Profile>(profiles))});
    }
  }

  void divide_by_strategies() {
    for (const auto& strategy : recipe_.strategies) {
      const auto budgets = probe_.budgets(strategy, report_.longest().mean, texts_.front());
      report_.strategies.push_back({strategy.name, budgets.press, budgets.entries});
    }
  }

  const Context& context_;
  const Model& model_;
  const Recipe& recipe_;
  Probe probe_;
  Work work_;
  AnalysisReport report_;
  std::vector<std::vector<int32_t>> texts_;  // of the longest length
};

}  // namespace

AnalysisReport analyze(const Engine& engine,
                       const Model& model,
                       const Recipe& recipe,
                       const std::function<void(double)>& progress) {
  return Analysis(engine, model, recipe, progress).run();
}

}  // namespace kvhost::analysis
