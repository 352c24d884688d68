// SPDX-License-Identifier: Apache-2.0
// What kvcompress's rules protect, and the sizes they state.
#include <catch2/catch.hpp>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

int64_t own_budget(const PluginMethod& method, int64_t n_tokens = 5000) {
  const auto* own = static_cast<const kvh_own_budget*>(
      method.method().extension(&method.method(), KVH_EXT_OWN_BUDGET));
  REQUIRE(own != nullptr);
  return own->entries_per_head(method.instance(), n_tokens);
}

}  // namespace

TEST_CASE("fix_size_l2 protects a share of the budget") {
  FakeLayer layer({}, FakeLayer::dense(2, 10), 10);
  layer.raw().layer_budget = 2 * 6;
  const PluginMethod method(library("fix_size_l2"), {{"keep_ratio", 0.55}});
  const ScoreTable got = method.score(layer.raw());
  CHECK(got.pins[0] == std::vector<int8_t>{0, 0, 0, 0, 0, 0, 0, 1, 1, 1});
  CHECK(own_budget(method) == 1024);
  const PluginMethod high(library("fix_size_l2"), {{"strategy", std::string("keep_high")}});
  CHECK(high.score(layer.raw()).scores[0][2] == -got.scores[0][2]);
}

TEST_CASE("adaptive_l2 protects by the length") {
  FakeLayer layer({}, FakeLayer::dense(2, 12), 12);
  layer.raw().layer_budget = 2 * 10;
  const auto pins = [&](int64_t hard_limit) {
    const PluginMethod method(library("adaptive_l2"), {{"hard_limit", hard_limit}});
    CHECK(own_budget(method) == 512);
    return method.score(layer.raw()).pins[0];
  };
  CHECK(pins(12) == std::vector<int8_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1});
  CHECK(pins(11) == std::vector<int8_t>{2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1});
  layer.raw().layer_budget = 2 * 8;  // 4 first and 4 last leave no room between: only the last
  CHECK(pins(11) == std::vector<int8_t>(12, 1));
}

TEST_CASE("adaptive_l2 spells out a size for every length") {
  const PluginMethod method(library("adaptive_l2"), {});
  // As the original computes them, run offline.
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{1, 1},
                                                          {256, 256},
                                                          {257, 256},
                                                          {285, 256},
                                                          {300, 259},
                                                          {400, 315},
                                                          {512, 358},
                                                          {700, 387},
                                                          {768, 384},
                                                          {1000, 318},
                                                          {1024, 307},
                                                          {1025, 512},
                                                          {9000, 512}};
  for (const auto& [n_tokens, entries] : sizes) {
    INFO(n_tokens << " tokens");
    CHECK(own_budget(method, n_tokens) == entries);
  }
  const PluginMethod even(library("adaptive_l2"),
                          {{"keep_ratio_min", 0.5}, {"keep_ratio_max", 0.5}});
  CHECK(own_budget(even, 800) == 400);
}

TEST_CASE("snapkv_lite keeps its window and pools the rest") {
  FakeLayer layer({}, FakeLayer::dense(2, 9), 9);
  const auto score = [&](const char* edge) {
    const PluginMethod method(library("snapkv_lite"),
                              {{"observation_window", int64_t{2}},
                               {"pooling_kernel", int64_t{3}},
                               {"edge", std::string(edge)}});
    CHECK(own_budget(method) == 512);
    return method.score(layer.raw());
  };
  const ScoreTable zero = score("zero"), full = score("renormalise");
  CHECK(zero.pins[0] == std::vector<int8_t>{0, 0, 0, 0, 0, 0, 0, 1, 1});
  CHECK(full.scores[0][0] == Approx(zero.scores[0][0] * 1.5));
  CHECK(full.scores[0][6] == Approx(zero.scores[0][6] * 1.5));
  CHECK(full.scores[0][3] == zero.scores[0][3]);
}

TEST_CASE("h2o_attention counts every query once, and votes follow their entries") {
  FakeLayer layer({}, FakeLayer::dense(2, 6), 6);
  layer.add_window_attention(4);
  const PluginMethod method(library("h2o_attention"),
                            {{"start_size", int64_t{1}},
                             {"recent_size", int64_t{2}},
                             {"window_size", int64_t{4}},
                             {"head_mode", std::string("per_head")}});
  CHECK(own_budget(method) == 1 + 64 + 2);
  const ScoreTable first = method.score(layer.raw());
  CHECK(first.pins[0] == std::vector<int8_t>{2, 0, 0, 0, 1, 1});
  double votes = 0;
  for (int64_t g = 0; g < 2; ++g)
    for (int64_t w = 0; w < 4; ++w) votes += layer.attention(1).at(g, w, 2);
  CHECK(first.scores[1][2] == Approx(votes));
  CHECK(method.score(layer.raw()).scores == first.scores);  // nobody votes twice

  const std::vector<int64_t> n_kept{3, 2};
  const std::vector<int32_t> kept0{0, 2, 5}, kept1{2, 4};
  const int32_t* kept[] = {kept0.data(), kept1.data()};
  method.after_compact({sizeof(kvh_moved), 0, 2, 0, n_kept.data(), kept});
  FakeLayer later({}, {{0, 2, 5, 6}, {2, 4, 6}}, 7);
  later.add_window_attention(4);
  const ScoreTable next = method.score(later.raw());
  double vote = 0;  // of the one query that is new
  for (int64_t g = 0; g < 2; ++g) vote += later.attention(1).at(g, 3, 1);
  CHECK(next.scores[1][1] == Approx(first.scores[1][4] + vote));
}
