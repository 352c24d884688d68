// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "analysis/analyzer.hpp"
#include "analysis/attention_maps.hpp"
#include "analysis/effective_rank.hpp"
#include "analysis/summary.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "engine/sequence.hpp"
#include "eval_fixture.hpp"
#include "measure/analysis_json.hpp"
#include "checks.hpp"

using namespace kvhost;
using namespace kvhost::analysis;
using kvhost::test::engine;
using kvhost::test::SuiteFolder;
using kvhost::test::tiny;
using Catch::Contains;

namespace {

Recipe small(const SuiteFolder& folder) {
  Recipe recipe;
  recipe.suite = "small";
  recipe.files = {folder / "alice.txt"};
  recipe.n_texts = 3;
  recipe.lengths = {48, 96};
  recipe.head_length = 48;
  recipe.keep_ratio = 0.5;
  recipe.profile = {"", "rankkv(profile={profile}):knorm", "mean", "/analysis/profile"};
  recipe.observers = {
      {"exact", "rankkv(profile=none,estimator=exact):knorm", "mean", "/observers/0"},
      {"every row", "rankkv(profile=none,rank_rows=96):knorm", "mean", "/observers/1"}};
  recipe.strategies = {
      {"ranks", "rankkv(profile={profile}):knorm", "mean", "/strategies/0"},
      {"per prompt", "rankkv(profile=none):knorm", "mean", "/strategies/1"},
      {"uniform", "knorm", "mean", "/strategies/2"}};
  return recipe;
}

AnalysisReport run(const Recipe& recipe) { return analyze(engine(), tiny(), recipe, {}); }

const BudgetEstimate& estimate(const AnalysisReport& report, const std::string& name, int64_t n) {
  for (const auto& e : report.estimates)
    if (e.name == name && e.n_tokens == n) return e;
  FAIL("no " + name + " at " + std::to_string(n));
  return report.estimates.front();
}

int64_t total(const std::vector<int64_t>& entries) {
  return std::accumulate(entries.begin(), entries.end(), int64_t{0});
}

}  // namespace

TEST_CASE("maps are causal distributions, one for every head of every layer") {
  const auto tokens = tiny().encode("The coach on the road to London stopped at the inn.");
  int64_t n_seen = 0;
  read_maps(tiny(), tokens, {}, [&](int64_t layer, const at::Tensor& maps) {
    CHECK(layer == n_seen++);
    REQUIRE(maps.size(0) == tiny().facts().n_heads);
    REQUIRE(maps.size(1) == static_cast<int64_t>(tokens.size()));
    const at::Tensor apart = (maps.sum(-1) - 1).abs();
    CHECK(apart.max().item<float>() < 1e-5);
    CHECK(maps.triu(1).abs().max().item<float>() == 0);
  });
  CHECK(n_seen == tiny().facts().n_layers);
}

TEST_CASE("an analysis has every text at every length, and its exact ranks are the methods'") {
  const SuiteFolder folder;
  const AnalysisReport report = run(small(folder));
  REQUIRE(report.lengths.size() == 2);
  CHECK(report.texts.size() == 3);
  const auto n_layers = static_cast<size_t>(report.model.n_layers);
  for (const auto& length : report.lengths) {
    CHECK(length.texts.size() == 3);
    REQUIRE(length.mean.size() == n_layers);
    const BudgetEstimate& exact = estimate(report, "exact", length.n_tokens);
    for (size_t l = 0; l < n_layers; ++l) {
      CHECK(length.mean[l] > 0);
      CHECK(length.mean[l] <= 1);
      CHECK(exact.ranks[l] == Approx(length.mean[l]).epsilon(1e-3));  // singular values in float32
    }
    CHECK(exact.misplaced_share() < 0.002);
    CHECK(exact.measured);
    CHECK(exact.time_share > 0);
    CHECK(estimate(report, "every row", length.n_tokens).misplaced_share() < 0.002);
    CHECK(length.between.cosine > 0.5);
    CHECK(length.between_least.cosine <= length.between.cosine);
  }
  CHECK(report.lengths[0].head_mean.size() == n_layers);
  CHECK(report.lengths[1].head_mean.empty());  // beyond head_length
  CHECK(report.with_heads() == &report.lengths[0]);
  CHECK(report.aggregated.size() == 5);
}

TEST_CASE("each way to aggregate heads is the method's of that name") {
  const SuiteFolder folder;
  Recipe recipe = small(folder);
  recipe.lengths = {48};
  recipe.observers.clear();
  for (const auto& way : aggregations())
    recipe.observers.push_back(
        {way, "rankkv(profile=none,estimator=exact,aggregation=" + way + "):knorm", way, "x"});
  const AnalysisReport report = run(recipe);
  for (const auto& one : report.aggregated) {
    CAPTURE(one.aggregation);
    const BudgetEstimate& exact = estimate(report, one.aggregation, 48);
    for (size_t l = 0; l < one.ranks.size(); ++l)
      CHECK(exact.ranks[l] == Approx(one.ranks[l]).epsilon(1e-3));
    CHECK(exact.misplaced_share() < 0.002);
  }
}

TEST_CASE("budgets are the methods', to the last entry") {
  const SuiteFolder folder;
  const AnalysisReport report = run(small(folder));
  REQUIRE(report.strategies.size() == 3);
  const int64_t all = 48 * report.model.n_layers * report.model.n_kv_heads;  // half of 96
  for (const auto& strategy : report.strategies) CHECK(total(strategy.entries) == all);
  const auto& even = report.strategies[2].entries;
  CHECK(even.front() == even.back());
  CHECK(report.strategies[0].entries != even);
  CHECK(report.strategies[0].press == "rankkv(profile={profile}):knorm");

  // A profile that was written gives a run the same budgets.
  const auto file = folder / "profile.json";
  write_json(file, rank_profile_json(report));
  PolicyOptions options;
  options.press = {PressSource::Form::Text, "rankkv(profile=\"" + file.string() + "\"):snapkv",
                   "--press", ""};
  options.keep_ratio = 0.5;
  options.min_entries = 0;
  Sequence sequence(tiny(), engine().policy(tiny(), options));
  const auto tokens = tiny().encode(read_file(folder / "thursday.txt", ExitCode::CannotLoad));
  sequence.prefill(std::span(tokens).first(96));
  CHECK(sequence.observed_from() == "profile");
  const auto layers = sequence.layers();
  for (size_t l = 0; l < layers.size(); ++l) {
    CHECK(layers[l].budget == report.strategies[0].entries[l]);
    CHECK(layers[l].observed == Approx(report.longest().mean[l]).epsilon(1e-12));
  }
}

TEST_CASE("a stored profile is held against each text, equal layers for scale") {
  const SuiteFolder folder;
  Recipe recipe = small(folder);
  recipe.observers.clear();
  const AnalysisReport report = run(recipe);
  REQUIRE(report.estimates.size() == 4);  // two at each length
  for (const auto& e : report.estimates) {
    CHECK_FALSE(e.measured);
    CHECK(e.misplaced <= e.misplaced_most);
    CHECK(std::abs(std::accumulate(e.layer_errors.begin(), e.layer_errors.end(), 0.0)) < 1e-9);
  }
  const auto& stored = estimate(report, "stored, of the other texts", 96);
  const auto& even = estimate(report, "equal layers", 96);
  CHECK(stored.to_exact.pearson == Approx(report.longest().stored.pearson));
  CHECK(even.ranks.empty());
  CHECK(even.misplaced > 0);
  CHECK(even.reaches_goal() == (even.misplaced_share() <= 0.01));

  recipe.n_texts = 1;
  const AnalysisReport one = run(recipe);
  CHECK(one.estimates.size() == 2);  // nothing to make a profile from
  CHECK(std::isnan(one.longest().between.pearson));
  CHECK(to_json(one)["lengths"][0]["similarity"]["between_texts"]["pearson"].is_null());
}

TEST_CASE("misplaced entries are those that another layer has") {
  const std::vector<int64_t> ours = {10, 20, 30}, theirs = {12, 19, 29};
  CHECK(misplaced(ours, theirs) == 2);
  const Profile a = {0.1, 0.3}, b = {0.3, 0.5};
  const std::vector<Profile> both = {a, b};
  CHECK(mean_of(both)[1] == Approx(0.4));
  CHECK(std_of(both)[0] == Approx(0.1));
}

TEST_CASE("what cannot be analysed is refused where it stands") {
  const SuiteFolder folder;
  const auto refused = [&](const auto& change, const std::string& says) {
    Recipe recipe = small(folder);
    change(recipe);
    CHECK_THROWS_WITH(run(recipe), Contains(says));
  };
  refused([](Recipe& r) { r.observers[0].press = "pyramidkv:snapkv"; },
          "/observers/0: found pyramidkv:snapkv, whose budgets do not come from the prompt");
  refused([](Recipe& r) { r.strategies[2].press = "none"; }, "/strategies/2: found none, which");
  refused([](Recipe& r) { r.strategies[2].press = "knrom"; }, "knorm");
  refused([](Recipe& r) { r.n_texts = 100000; }, "alice.txt: holds ");
  refused([](Recipe& r) { r.lengths = {1 << 20}; }, "that the model was made for");
}

TEST_CASE("an analysis tells how far it is and stops when it is asked to") {
  const SuiteFolder folder;
  double last = 0;
  analyze(engine(), tiny(), small(folder), [&](double share) {
    CHECK(share >= last - 1e-12);
    CHECK(share <= 1);
    last = share;
  });
  CHECK(last == Approx(1).epsilon(1e-6));
  Context stopped;
  stopped.cancelled = [] { return true; };
  const Engine other({{std::filesystem::path(KVHOST_TEST_PLUGINS)}}, stopped);
  const Model model =
      other.open({std::filesystem::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::Float32});
  try {
    analyze(other, model, small(folder), {});
    FAIL("was not stopped");
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::Interrupted);
  }
}
