// SPDX-License-Identifier: Apache-2.0
// CriticalKV against a plain transcription of its definition, around real inner scorers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

// Mean over the group of || V_i W_head ||_1; weight: [hidden_size, n_heads * d]
double projected_norm(FakeLayer& layer, size_t h, int64_t i) {
  FakeTensor& weight = layer.extra(0);
  const int64_t d = layer.shape().head_dim;
  const int64_t group = layer.shape().n_heads / layer.shape().n_kv_heads;
  double norm = 0;
  for (int64_t g = 0; g < group; ++g) {
    const int64_t first = (static_cast<int64_t>(h) * group + g) * d;
    for (int64_t out = 0; out < weight.size(0); ++out) {
      double sum = 0;
      for (int64_t j = 0; j < d; ++j) sum += layer.values(h).at(i, j) * weight.at(out, first + j);
      norm += std::abs(sum);
    }
  }
  return norm / static_cast<double>(group);
}

// Entries of the first stage: best inner scores, lower index first among equals.
std::set<size_t> best(const std::vector<float>& scores, size_t count) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(
      order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return {order.begin(), order.begin() + static_cast<long>(std::min(count, order.size()))};
}

struct Case {
  std::string inner;
  double epsilon;
  double ratio;
  int64_t budget;
  size_t first_stage;
  bool pins;
};

void check_against_reference(const Case& c) {
  FakeShape shape;
  FakeLayer layer(shape, FakeLayer::dense(2, 300), 300);  // more than one chunk of the projection
  layer.add_window_attention(8);
  layer.add_tensor(
      KVH_T_OUTPUT_WEIGHT,
      random_floats(layer.rng(), shape.hidden_size * shape.n_heads * shape.head_dim, -1, 1),
      {shape.hidden_size, shape.n_heads * shape.head_dim});
  layer.raw().layer_budget = c.budget;
  Settings inner_settings;
  if (c.inner == "snapkv") inner_settings["window_size"] = int64_t{8};
  const PluginMethod inner(library(c.inner), inner_settings);
  const PluginMethod critical(library("criticalkv"),
                              {{"epsilon", c.epsilon},
                               {"first_stage_ratio", c.ratio},
                               {"protect_inner", std::string(c.pins ? "pins" : "kvpress")}},
                              &inner);
  const ScoreTable before = inner.score(layer.raw());
  const ScoreTable got = critical.score(layer.raw());
  for (size_t h = 0; h < 2; ++h) {
    const std::set<size_t> first = best(before.scores[h], c.first_stage);
    for (size_t i = 0; i < got.scores[h].size(); ++i) {
      INFO("head " << h << ", entry " << i);
      const bool pinned = first.count(i) > 0 || (c.pins && before.pins[h][i] > 0);
      CHECK(got.pins[h][i] == (pinned ? 1 : 0));
      const double want =
          (before.scores[h][i] + c.epsilon) * projected_norm(layer, h, static_cast<int64_t>(i));
      CHECK(got.scores[h][i] == Approx(want).epsilon(1e-4).margin(1e-6));
    }
  }
}

}  // namespace

TEST_CASE("criticalkv pins the first stage and weights the rest by projected values") {
  check_against_reference({"snapkv", 1e-4, 0.5, 101, 25, false});
  check_against_reference({"snapkv", 1e-4, 0.5, 101, 25, true});
  check_against_reference({"knorm", 0.25, 0.3, 200, 30, false});
  check_against_reference({"knorm", 0, 1, 200, 100, false});
}

TEST_CASE("criticalkv's first stage has at least one entry unless its ratio is zero") {
  check_against_reference({"knorm", 1e-4, 0.01, 20, 1, false});
  check_against_reference({"knorm", 1e-4, 0, 20, 0, false});
}

TEST_CASE("criticalkv refuses what it cannot work with") {
  const PluginMethod knorm(library("knorm"));
  const PluginMethod critical(library("criticalkv"), {}, &knorm);
  CHECK((critical.method().flags & KVH_METHOD_NEEDS_BUDGET) != 0);
  FakeLayer layer({}, FakeLayer::dense(2, 10), 10);
  CHECK_THROWS_WITH(critical.score(layer.raw()), Catch::Contains("budget is not known"));
  layer.raw().layer_budget = 10;
  CHECK_THROWS_WITH(critical.score(layer.raw()), Catch::Contains("was not delivered"));
  CHECK_THROWS_WITH(PluginMethod(library("criticalkv")), Catch::Contains("0 inner scorers"));
}

TEST_CASE("criticalkv passes on what its inner scorer refuses") {
  const PluginMethod snapkv(library("snapkv"));
  const PluginMethod critical(library("criticalkv"), {}, &snapkv);
  FakeLayer layer({}, FakeLayer::dense(2, 100), 100);
  layer.add_tensor(KVH_T_OUTPUT_WEIGHT, std::vector<float>(16 * 32, 1.0f), {16, 32});
  layer.raw().layer_budget = 10;
  CHECK_THROWS_WITH(critical.score(layer.raw()), Catch::Contains("no window attention"));
}
