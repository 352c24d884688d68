// SPDX-License-Identifier: Apache-2.0
// What keeps whole blocks: representatives by their patterns, and blocks unlike the others.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "plugin_method.hpp"
#include "support/diversity.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

double g(double s, double i, double j) {
  return std::sin(s + .7 * i + 1.1 * j + .37 * i * j);
}

// Six blocks of two tokens; of the better half, 9 8 7 6 5 1, their patterns are
// 11 11 10 01 00 00.
const std::vector<float> kScores = {9, 8, 7, 1, 6, .5f, .4f, 5, .3f, .2f, .1f, .05f};

constexpr FakeShape kShape = {2, 1, 4, 8, 3};

std::vector<int> kept(const std::string& name, Settings settings, int64_t budget) {
  const auto n = static_cast<int64_t>(kScores.size());
  FakeLayer layer(kShape, FakeLayer::dense(1, n), n);
  layer.raw().layer_budget = budget;
  ScoreTable given(layer.raw());
  given.scores[0] = kScores;
  const GivenScores inner(given);
  settings["block_size"] = int64_t{2};
  if (!settings.count("start_size")) settings["start_size"] = int64_t{0};
  if (!settings.count("recent_size")) settings["recent_size"] = int64_t{0};
  const ScoreTable got =
      PluginMethod(library(name), settings, inner.child()).score(layer.raw());
  std::vector<int> order(kScores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return got.scores[0][static_cast<size_t>(a)] > got.scores[0][static_cast<size_t>(b)];
  });
  order.resize(static_cast<size_t>(budget));
  std::sort(order.begin(), order.end());
  return order;
}

using Kept = std::vector<int>;

// Blocks of two, from the first token on.
std::vector<std::vector<float>> diversity_of(const kvh_layer& raw, int64_t n) {
  const kvhost::sdk::Layer layer(raw);
  return kvhost::plugins::block_diversity(
      layer, kvhost::plugins::HeldTokens(layer), 0, n, /*size=*/2);
}

}  // namespace

TEST_CASE("kvcrush: a representative of the blocks that would go, within the budget") {
  const auto with = [](const std::string& anchor, int64_t n) {
    return kept("kvcrush", {{"anchor", anchor}, {"n_representatives", n}}, 6);
  };
  CHECK(with("mean", 0) == Kept{0, 1, 2, 3, 4, 5});
  CHECK(with("mean", 1) == Kept{0, 1, 2, 3, 8, 9});  // the mean pattern is 00
  CHECK(with("zeros", 1) == Kept{0, 1, 2, 3, 8, 9});
  CHECK(with("ones", 1) == Kept{0, 1, 2, 3, 4, 5});
  CHECK(with("alternating", 1) == Kept{0, 1, 2, 3, 6, 7});  // 01
  // Of four by distance every second one: 00 from block 4, 10 from block 2.
  CHECK(with("zeros", 2) == Kept{0, 1, 4, 5, 8, 9});
  CHECK(with("random", 1) == with("random", 1));
}

TEST_CASE("kvcrush: first and last tokens stay, and what a block does not fill goes by score") {
  const Settings ends = {{"start_size", int64_t{1}},
                         {"recent_size", int64_t{1}},
                         {"n_representatives", int64_t{0}}};
  CHECK(kept("kvcrush", ends, 2) == Kept{0, 11});
  CHECK(kept("kvcrush", ends, 4) == Kept{0, 1, 2, 11});
  CHECK(kept("kvcrush", ends, 5) == Kept{0, 1, 2, 4, 11});
}

TEST_CASE("diversity of blocks: less the cosines above their mean") {
  FakeLayer layer(kShape, FakeLayer::dense(1, 4), 4);
  for (int64_t t = 0; t < 4; ++t)
    for (int64_t c = 0; c < 4; ++c)
      layer.keys(0).data()[static_cast<size_t>(4 * t + c)] =
          static_cast<float>(g(5, static_cast<double>(t), static_cast<double>(c)));
  const auto got = diversity_of(layer.raw(), 4);
  const std::vector<std::vector<double>> wanted = {{-.181227, -.181227, -.355120, 0},
                                                   {0, -.355120, -.089314, -.089314}};
  REQUIRE(got.size() == 2);
  for (size_t b = 0; b < 2; ++b)
    for (size_t j = 0; j < 4; ++j) CHECK(got[b][j] == Approx(wanted[b][j]).margin(2e-6));
}

TEST_CASE("adaptive_rkv: by score until the mass is held, then by diversity") {
  const auto with = [](double mass) {
    return kept("adaptive_rkv", {{"attention_mass", mass}}, 6);
  };
  CHECK(with(1) == Kept{0, 1, 2, 3, 4, 5});

  // The first block holds 17 of 37.55. Of the others the two that are least like what is left:
  FakeLayer layer(kShape, FakeLayer::dense(1, 12), 12);
  const auto diversity = diversity_of(layer.raw(), 12);
  std::vector<std::pair<double, int>> others;
  for (int b = 1; b < 6; ++b) {
    const auto& row = diversity[static_cast<size_t>(b)];
    others.emplace_back(-std::accumulate(row.begin() + 2, row.end(), 0.0), b);
  }
  std::sort(others.begin(), others.end());
  Kept wanted = {0, 1};
  for (size_t i = 0; i < 2; ++i) {
    wanted.push_back(2 * others[i].second);
    wanted.push_back(2 * others[i].second + 1);
  }
  std::sort(wanted.begin(), wanted.end());
  CHECK(with(.44) == wanted);
}
