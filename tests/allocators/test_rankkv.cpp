// SPDX-License-Identifier: Apache-2.0
// RankKV through the plugin boundary: ranks of small attention maps by a plain Jacobi method,
// needs, profiles, budgets.
#include <ATen/Version.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "plugin_method.hpp"
#include "temp_folder.hpp"

using namespace kvhost::testing;

namespace {

const std::string kLibrary = KVHOST_PLUGINS "/librankkv.so";
using Table = std::vector<std::vector<double>>;

// Singular values by one-sided Jacobi rotations of the rows.
std::vector<double> singular_values(Table a) {
  if (a.size() > a[0].size()) {
    Table turned(a[0].size(), std::vector<double>(a.size()));
    for (size_t i = 0; i < a.size(); ++i) {
      for (size_t j = 0; j < a[0].size(); ++j) turned[j][i] = a[i][j];
    }
    a = turned;
  }
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (size_t p = 0; p < a.size(); ++p) {
      for (size_t q = p + 1; q < a.size(); ++q) {
        double pp = 0, qq = 0, pq = 0;
        for (size_t j = 0; j < a[p].size(); ++j) {
          pp += a[p][j] * a[p][j];
          qq += a[q][j] * a[q][j];
          pq += a[p][j] * a[q][j];
        }
        if (std::abs(pq) < 1e-18) continue;
        const double angle = 0.5 * std::atan2(2 * pq, pp - qq);
        const double c = std::cos(angle), s = std::sin(angle);
        for (size_t j = 0; j < a[p].size(); ++j) {
          const double x = a[p][j], y = a[q][j];
          a[p][j] = c * x + s * y;
          a[q][j] = c * y - s * x;
        }
      }
    }
  }
  std::vector<double> out;
  for (const auto& row : a) {
    out.push_back(std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0)));
  }
  return out;
}

double effective_rank(const Table& a, bool normalize) {
  double sum = 0, entropy = 0;
  const std::vector<double> s = singular_values(a);
  for (const double x : s) sum += x;
  for (const double x : s) entropy -= x > 1e-10 ? x / sum * std::log(x / sum) : 0;
  return std::exp(entropy) / (normalize ? static_cast<double>(s.size()) : 1.0);
}

// Map of each query head over the window, heads in order.
std::vector<Table> maps(FakeLayer& layer) {
  std::vector<Table> out;
  for (size_t h = 0; h < static_cast<size_t>(layer.shape().n_kv_heads); ++h) {
    FakeTensor& a = layer.attention(h);
    for (int64_t g = 0; g < a.size(0); ++g) {
      Table map;
      for (int64_t w = 0; w < a.size(1); ++w) {
        map.emplace_back();
        for (int64_t i = 0; i < a.size(2); ++i) map.back().push_back(a.at(g, w, i));
      }
      out.push_back(map);
    }
  }
  return out;
}

Table mean_map(const std::vector<Table>& all) {
  Table mean(all[0].size(), std::vector<double>(all[0][0].size(), 0.0));
  for (const Table& map : all) {
    for (size_t i = 0; i < map.size(); ++i) {
      for (size_t j = 0; j < map[i].size(); ++j) {
        mean[i][j] += map[i][j] / static_cast<double>(all.size());
      }
    }
  }
  return mean;
}

std::vector<float> flat(const std::vector<Table>& all) {
  std::vector<float> out;
  for (const Table& map : all) {
    for (const auto& row : map) out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

Settings with(Settings base, const Settings& more) {
  base.insert(more.begin(), more.end());
  return base;
}

const Settings kWindow{{"estimator", std::string("window")}};

// What the plugin observes on one layer.
double observed(FakeLayer& layer, const Settings& settings) {
  const PluginMethod rankkv(kLibrary, with({{"profile", std::string("none")}}, settings));
  rankkv.observe(layer.raw());
  return rankkv.allocate(1, 2, layer.raw().kv_len, 4).observed.at(0);
}

}  // namespace

TEST_CASE("the window rank is the effective rank of the last rows") {
  FakeLayer layer({}, FakeLayer::dense(2, 24), 24);
  layer.add_window_attention(10);
  const std::vector<Table> all = maps(layer);
  CHECK(observed(layer, with(kWindow, {{"rank_rows", int64_t{10}}})) ==
        Approx(effective_rank(mean_map(all), true)).epsilon(1e-6));
  CHECK(observed(layer, with(kWindow, {{"normalize", int64_t{0}}})) ==
        Approx(effective_rank(mean_map(all), false)).epsilon(1e-6));

  std::vector<double> ranks;
  for (const Table& map : all) ranks.push_back(effective_rank(map, true));
  std::sort(ranks.begin(), ranks.end());
  const auto aggregate = [&](const std::string& name) {
    return observed(layer, with(kWindow, {{"aggregation", name}}));
  };
  CHECK(aggregate("per_head") ==
        Approx(std::accumulate(ranks.begin(), ranks.end(), 0.0) / 4).epsilon(1e-6));
  CHECK(aggregate("median") == Approx((ranks[1] + ranks[2]) / 2).epsilon(1e-6));
  CHECK(aggregate("max") == Approx(ranks[3]).epsilon(1e-6));
  CHECK(aggregate("min") == Approx(ranks[0]).epsilon(1e-6));
}

TEST_CASE("the spread rank continues the growth of spread rows, and is exact when they are all") {
  FakeLayer layer({}, FakeLayer::dense(2, 24), 24);
  layer.add_tensor(KVH_T_QUERY_WINDOW, random_floats(layer.rng(), 4 * 24 * 8, -3, 3), {4, 24, 8});
  const auto mean_row = [&](int64_t t) {
    std::vector<double> mean(24, 0.0);
    for (int64_t j = 0; j < 4; ++j) {
      std::vector<double> weights;
      double sum = 0;
      for (int64_t i = 0; i <= t; ++i) {
        double dot = 0;
        for (int64_t c = 0; c < 8; ++c) {
          dot += layer.extra(0).at(j, t, c) * layer.keys(static_cast<size_t>(j / 2)).at(i, c);
        }
        weights.push_back(std::exp(dot / std::sqrt(8.0)));
        sum += weights.back();
      }
      for (size_t i = 0; i < weights.size(); ++i) mean[i] += weights[i] / sum / 4;
    }
    return mean;
  };
  Table all, spread, even, odd;
  for (int64_t t = 0; t < 24; ++t) all.push_back(mean_row(t));
  for (const int64_t t : {0, 5, 9, 14, 18, 23}) {  // linspace(0, 23, 6), rounded
    spread.push_back(mean_row(t));
    (spread.size() % 2 == 1 ? even : odd).push_back(spread.back());
  }
  CHECK(observed(layer, {{"rank_rows", int64_t{24}}}) ==
        Approx(effective_rank(all, true)).epsilon(1e-5));
  const double rank = effective_rank(spread, false);
  const double half = (effective_rank(even, false) + effective_rank(odd, false)) / 2;
  CHECK(observed(layer, {{"rank_rows", int64_t{6}}}) ==
        Approx(rank * std::pow(4.0, std::log2(rank / half)) / 24).epsilon(1e-5));
}

TEST_CASE("exact ranks come from the whole attention") {
  FakeLayer layer({}, FakeLayer::dense(2, 12), 12);
  layer.add_window_attention(12);  // all rows: a causal map
  const std::vector<Table> all = maps(layer);
  layer.add_tensor(KVH_T_ATTENTION_MEAN, flat({mean_map(all)}), {12, 12});
  layer.add_tensor(KVH_T_ATTENTION, flat(all), {4, 12, 12});
  const Settings exact{{"estimator", std::string("exact")}};
  CHECK(observed(layer, exact) == Approx(effective_rank(mean_map(all), true)).epsilon(1e-5));
  double lowest = 2;
  for (const Table& map : all) lowest = std::min(lowest, effective_rank(map, true));
  CHECK(observed(layer, with(exact, {{"aggregation", std::string("min")}})) ==
        Approx(lowest).epsilon(1e-5));
}

TEST_CASE("rankkv asks only for what it measures, and says when it can decide") {
  const auto check = [](const Settings& more, std::vector<uint32_t> needs, uint32_t when) {
    const PluginMethod rankkv(kLibrary, with({{"profile", std::string("none")}}, more));
    std::vector<uint32_t> got;
    for (const kvh_need& need : rankkv.needs()) got.push_back(need.tensor);
    CHECK(got == needs);
    CHECK(rankkv.when() == when);
  };
  const std::string exact = "exact";
  check({}, {KVH_T_QUERY_WINDOW}, KVH_WHEN_MONOTONE);
  check(kWindow, {KVH_T_WINDOW_ATTENTION}, KVH_WHEN_MONOTONE);
  check({{"estimator", exact}}, {KVH_T_ATTENTION_MEAN}, KVH_WHEN_MONOTONE);
  check({{"estimator", exact}, {"aggregation", std::string("max")}},
        {KVH_T_ATTENTION},
        KVH_WHEN_MONOTONE);
  check({{"strategy", std::string("adaptive")}}, {KVH_T_QUERY_WINDOW}, KVH_WHEN_AFTER_PREFILL);
  check({{"strategy", std::string("uniform")}}, {}, KVH_WHEN_BEFORE_PREFILL);
  check({{"repair", std::string("seed")}}, {KVH_T_QUERY_WINDOW}, KVH_WHEN_AFTER_PREFILL);
}

TEST_CASE("a profile beside the model decides before the prompt is seen") {
  const kvhost::test::TempFolder folder;
  folder.write("rank_profile.json", R"({"schema": 1, "ranks": [0.3,0.5,0.8,0.2,0.6]})");
  FakeShape shape;
  shape.n_layers = 5;
  FakeLayer layer(shape, FakeLayer::dense(2, 4), 4);
  kvh_model model = *layer.raw().model;
  const std::string path = folder.path();
  model.model_dir = path.c_str();

  const PluginMethod rankkv(kLibrary, {}, nullptr, &model);
  CHECK(rankkv.when() == KVH_WHEN_BEFORE_PREFILL);
  CHECK(rankkv.needs().empty());
  const auto got = rankkv.allocate(5, 2, 1000, 240);
  REQUIRE_FALSE(got.exact);
  CHECK(got.observed == std::vector<double>{.3, .5, .8, .2, .6});
  const std::vector<double> want{30, 50, 80, 20, 60};
  for (size_t l = 0; l < 5; ++l) CHECK(got.shares[l] == Approx(want[l]));

  const PluginMethod seed(kLibrary, {{"repair", std::string("seed")}}, nullptr, &model);
  const auto whole = seed.allocate(5, 2, 1000, 200);
  REQUIRE(whole.exact);
  CHECK(whole.entries == std::vector<int64_t>{24, 40, 68, 16, 52});

  model.n_layers = 6;
  CHECK_THROWS_WITH(PluginMethod(kLibrary, {}, nullptr, &model),
                    Catch::Contains("5 ranks; the model has 6 layers"));
  CHECK_THROWS_WITH(PluginMethod(kLibrary, {{"profile", std::string("/nowhere")}}, nullptr, &model),
                    Catch::Contains("'/nowhere' cannot be read"));
}

TEST_CASE("shares respect min_budget, max_budget and the prompt, and shrink as layers join") {
  const PluginMethod rankkv(
      kLibrary, with(kWindow, {{"profile", std::string("none")}, {"min_budget", int64_t{10}}}));
  FakeLayer layer({}, FakeLayer::dense(2, 24), 24);
  layer.add_window_attention(12);
  double before = 1e9;
  for (int32_t l = 0; l < 4; ++l) {
    layer.raw().layer = l;
    // Later layers get flatter maps, so lower ranks.
    for (size_t h = 0; h < 2; ++h) {
      for (float& x : layer.attention(h).data()) x = 0.05f + 0.3f * (x - 0.05f);
    }
    rankkv.observe(layer.raw());
    const auto got = rankkv.allocate(4, 2, 24, 100, l + 1);
    CHECK(got.shares[0] <= before + 1e-9);
    before = got.shares[0];
  }
  const auto last = rankkv.allocate(4, 2, 24, 100);
  CHECK(std::accumulate(last.shares.begin(), last.shares.end(), 0.0) == Approx(100));
  for (const double share : last.shares) {
    CHECK(share >= 20 - 1e-9);
    CHECK(share <= 48 + 1e-9);
  }
  const PluginMethod capped(kLibrary,
                            {{"strategy", std::string("uniform")}, {"max_budget", int64_t{5}}});
  CHECK_THROWS_WITH(capped.allocate(4, 2, 24, 100), Catch::Contains("hold 40 in all"));
  CHECK(capped.allocate(4, 2, 24, 40).shares == std::vector<double>(4, 10.0));
}
