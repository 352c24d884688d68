// SPDX-License-Identifier: Apache-2.0
// Methods of 2025 and 2026 on made-up inputs: the expected values are what the functions of their
// published code gave for the same inputs in float32.
#include <algorithm>
#include <catch2/catch.hpp>

#include "plugin_method.hpp"
#include "support/trigonometric_scores.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

// Numbers without a pattern that any program can make again.
double g(double s, double i, double j, double k = 0) {
  return std::sin(s + .7 * i + 1.1 * j + 1.9 * k + .37 * i * j + .23 * j * k);
}

void check_row(const std::vector<float>& got, const std::vector<double>& want, double within) {
  REQUIRE(got.size() >= want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    INFO("entry " << i);
    CHECK(got[i] == Approx(want[i]).margin(within));
  }
}

// Indices of the `n` that stay first: by pin, score, position.
std::vector<int> best(const ScoreTable& table, size_t h, size_t n) {
  std::vector<int> order(table.scores[h].size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const auto key = [&](int i) {
      return std::pair(table.pins[h][static_cast<size_t>(i)],
                       table.scores[h][static_cast<size_t>(i)]);
    };
    return key(a) > key(b);
  });
  order.resize(n);
  std::sort(order.begin(), order.end());
  return order;
}

constexpr int64_t kRows = 2, kBefore = 6, kAll = kBefore + kRows;

// Two KV heads of two query heads, two rows, six entries before the window of two: a row gives .9 of
// its attention to these, softmax over t of 2 g(.5 h + .25 group, row, t).
void set_attention(FakeLayer& layer) {
  layer.add_window_attention(kRows);
  for (int64_t h = 0; h < 2; ++h) {
    std::vector<float>& data = layer.attention(static_cast<size_t>(h)).data();
    for (int64_t group = 0; group < 2; ++group)
      for (int64_t row = 0; row < kRows; ++row) {
        const auto weight = [&](int64_t t) {
          return std::exp(2 * g(.5 * static_cast<double>(h) + .25 * static_cast<double>(group),
                                static_cast<double>(row),
                                static_cast<double>(t)));
        };
        double sum = 0;
        for (int64_t t = 0; t < kBefore; ++t) sum += weight(t);
        float* out = data.data() + (group * kRows + row) * kAll;
        for (int64_t t = 0; t < kAll; ++t)
          out[t] = static_cast<float>(t < kBefore ? .9 * weight(t) / sum : .05);
      }
  }
}

FakeShape small_shape() { return {4, 2, 2, 2, 3}; }

// Values (v, 0) behind an output projection that hands them through: an L1 norm of |v|.
void set_value_norms(FakeLayer& layer) {
  for (size_t h = 0; h < 2; ++h)
    for (size_t t = 0; t < static_cast<size_t>(kAll); ++t) {
      layer.values(h).data()[2 * t] =
          static_cast<float>(1 + .5 * g(3, static_cast<double>(h), static_cast<double>(t)));
      layer.values(h).data()[2 * t + 1] = 0;
    }
  layer.add_tensor(KVH_T_OUTPUT_WEIGHT, {1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1}, {2, 8});
}

}  // namespace

TEST_CASE("defensive: the worst case of every entry, safe entries first") {
  FakeLayer layer(small_shape(), FakeLayer::dense(2, kAll), kAll);
  set_attention(layer);
  set_value_norms(layer);
  layer.raw().keep_ratio = .5;
  const PluginMethod pinned(library("defensive"), {{"window_size", kRows}});
  const ScoreTable got = pinned.score(layer.raw());
  const double most = .150811;
  check_row(got.scores[0],
            {.119230, most, .067891, .084809, .111782, .134730, most, most},
            2e-6);
  check_row(got.scores[1], {.087911, most, most, .109937, .071829, .048666, most, most}, 2e-6);
  CHECK(got.pins[0] == std::vector<int8_t>{0, 1, 0, 0, 0, 0, 2, 2});
  CHECK(best(got, 0, 4) == std::vector<int>{1, 5, 6, 7});
  CHECK(best(got, 1, 4) == std::vector<int>{1, 2, 6, 7});

  const PluginMethod scored(library("defensive"),
                            {{"window_size", kRows}, {"protect", std::string("score")}});
  const ScoreTable same = scored.score(layer.raw());
  CHECK(same.scores == got.scores);
  CHECK(same.pins[0] == std::vector<int8_t>(kAll, 0));
}

TEST_CASE("defensive: a budget below two windows leaves none safe, a short prompt stays whole") {
  FakeLayer layer(small_shape(), FakeLayer::dense(2, kAll), kAll);
  set_attention(layer);
  set_value_norms(layer);
  layer.raw().keep_ratio = .25;
  const PluginMethod method(library("defensive"), {{"window_size", kRows}});
  CHECK(method.score(layer.raw()).pins[1] == std::vector<int8_t>{0, 0, 0, 0, 0, 0, 2, 2});
  FakeLayer tiny(small_shape(), FakeLayer::dense(2, 2), 2);
  tiny.add_window_attention(32);
  tiny.add_tensor(KVH_T_OUTPUT_WEIGHT, std::vector<float>(16, 1), {2, 8});
  CHECK(PluginMethod(library("defensive")).score(tiny.raw()).pins[0] == std::vector<int8_t>(2, 2));
}

TEST_CASE("r_kv: attention less what later keys repeat") {
  constexpr int64_t kTokens = 12, kDim = 4;
  FakeLayer layer({2, 1, kDim, 8, 3}, FakeLayer::dense(1, kTokens), kTokens);
  for (int64_t t = 0; t < kTokens; ++t)
    for (int64_t c = 0; c < kDim; ++c)
      layer.keys(0).data()[static_cast<size_t>(t * kDim + c)] =
          static_cast<float>(g(5, static_cast<double>(t), static_cast<double>(c)));
  std::vector<float> queries;  // [2 heads, 2 rows, 4]
  for (int h = 0; h < 2; ++h)
    for (int row = 0; row < 2; ++row)
      for (int c = 0; c < kDim; ++c) queries.push_back(static_cast<float>(g(6 + h, row, c)));
  layer.add_tensor(KVH_T_QUERY_WINDOW, queries, {2, 2, kDim});
  const std::vector<double> important = {.130847, .154672, .154672, .154672, .097235,
                                         .092138, .092138, .119937, .119937, .119937},
                            repeated = {.089784, .084300, .082548, .078731, .080409,
                                        .076994, .090263, .086990, .077291, .077688};
  const auto score = [&](double lambda) {
    return PluginMethod(library("r_kv"),
                        {{"window_size", int64_t{2}},
                         {"kernel_size", int64_t{3}},
                         {"mix_lambda", lambda}})
        .score(layer.raw());
  };
  check_row(score(1).scores[0], important, 2e-6);
  std::vector<double> less = repeated;
  for (double& x : less) x = -x;
  check_row(score(0).scores[0], less, 2e-6);
  CHECK(best(score(.1), 0, 6) == std::vector<int>{2, 3, 8, 9, 10, 11});
}

TEST_CASE("vase: the widest values and the first tokens stay, the others are drawn") {
  constexpr int64_t kTokens = 9, kDim = 4;
  FakeLayer layer({2, 1, kDim, 8, 3}, FakeLayer::dense(1, kTokens), kTokens);
  for (int64_t t = 0; t < kTokens; ++t)
    for (int64_t c = 0; c < kDim; ++c)
      layer.values(0).data()[static_cast<size_t>(t * kDim + c)] =
          static_cast<float>(g(10, static_cast<double>(t), static_cast<double>(c)));
  layer.add_window_attention(1);
  layer.raw().layer_budget = 8;
  Settings settings = {{"window_size", int64_t{1}},
                       {"num_sinks", int64_t{2}},
                       {"wide_share", .5},
                       {"kernel_size", int64_t{1}}};
  const ScoreTable got = PluginMethod(library("vase"), settings).score(layer.raw());
  CHECK(got.pins[0] == std::vector<int8_t>{1, 1, 0, 0, 1, 0, 1, 0, 2});

  // Drawing one of the four others: as often as its share of their attention says.
  std::vector<double> share(8), drawn(8);
  FakeTensor& rows = layer.attention(0);
  double sum = 0;
  for (const int64_t t : {2, 3, 5, 7})
    sum += share[static_cast<size_t>(t)] = rows.at(0, 0, t) / (1 - rows.at(0, 0, 8)) +
                                           rows.at(1, 0, t) / (1 - rows.at(1, 0, 8));
  constexpr int kDraws = 4000;
  for (int seed = 0; seed < kDraws; ++seed) {
    settings["seed"] = int64_t{seed};
    const ScoreTable table = PluginMethod(library("vase"), settings).score(layer.raw());
    int64_t first = 2;
    for (const int64_t t : {3, 5, 7})
      if (table.scores[0][static_cast<size_t>(t)] > table.scores[0][static_cast<size_t>(first)])
        first = t;
    drawn[static_cast<size_t>(first)] += 1.0 / kDraws;
  }
  for (const size_t t : {2u, 3u, 5u, 7u}) CHECK(drawn[t] == Approx(share[t] / sum).margin(.03));
}

TEST_CASE("cake_indicator: mean and variance of the last queries' attention") {
  FakeLayer layer(small_shape(), FakeLayer::dense(2, kAll), kAll);
  set_attention(layer);
  const ScoreTable got =
      PluginMethod(library("cake_indicator"), {{"window_size", kRows}}).score(layer.raw());
  check_row(got.scores[0], {3.144708, 3.171855, 3.415874, 4.974518, 3.812244, 2.176426}, 2e-5);
  check_row(got.scores[1], {3.574758, 3.579168, 4.705558, 4.830711, 1.928664, 1.610989}, 2e-5);
  CHECK(got.pins[0] == std::vector<int8_t>{0, 0, 0, 0, 0, 0, 1, 1});
}

TEST_CASE("cake: a layer's preference, and budgets that follow it") {
  FakeLayer layer(small_shape(), FakeLayer::dense(2, kAll), kAll);
  set_attention(layer);
  const PluginMethod cake(
      library("cake"), {{"window_size", kRows}, {"tau1", 1.6}, {"tau2", .6}});
  cake.observe(layer.raw());
  layer.raw().layer = 1;
  cake.observe(layer.raw());
  const auto early = cake.allocate(3, 2, kAll, 24, 2);
  REQUIRE(early.observed.size() >= 2);
  CHECK(early.observed[0] == Approx(1.381487).margin(2e-5));
  layer.raw().layer = 2;
  cake.observe(layer.raw());
  const auto final = cake.allocate(3, 2, kAll, 25);  // equal layers: 8 each, and one left over
  CHECK(final.exact);
  CHECK(final.entries == std::vector<int64_t>{9, 8, 8});
  for (size_t l = 0; l < 2; ++l) CHECK(early.shares[l] >= static_cast<double>(final.entries[l]));
}

TEST_CASE("lava_scores: pooled attention times the largest value") {
  FakeLayer layer(small_shape(), FakeLayer::dense(2, kAll), kAll);
  set_attention(layer);
  set_value_norms(layer);
  const Settings settings = {{"window_size", kRows}, {"kernel_size", int64_t{3}}};
  const ScoreTable got = PluginMethod(library("lava_scores"), settings).score(layer.raw());
  check_row(got.scores[0], {.481851, .481851, .481851, .264443, .265710, .265710}, 2e-6);
  check_row(got.scores[1], {.460161, .460161, .460161, .214261, .214261, .214261}, 2e-6);
  CHECK(got.pins[1] == std::vector<int8_t>{0, 0, 0, 0, 0, 0, 1, 1});

  const PluginMethod layers(library("lava_layers"), settings);
  layers.observe(layer.raw());
  const auto first = layers.allocate(3, 2, kAll, 30, 1);
  CHECK(first.observed[0] == Approx(.977471).margin(2e-6));
  CHECK(first.shares[0] == Approx(22));  // its window of 4, and the 18 that are not windows
  for (const int index : {1, 2}) {
    layer.raw().layer = index;
    layers.observe(layer.raw());
  }
  const auto all = layers.allocate(3, 2, kAll, 30);
  for (const double share : all.shares) CHECK(share == Approx(10));
}

TEST_CASE("lava_heads: the layer's best entries, drawn towards an equal split, the total exactly") {
  FakeLayer layer(small_shape(), FakeLayer::dense(2, kAll), kAll);
  set_attention(layer);
  set_value_norms(layer);
  const Settings settings = {{"window_size", kRows}, {"kernel_size", int64_t{3}}};
  ScoreTable scores = PluginMethod(library("lava_scores"), settings).score(layer.raw());
  const auto split = [&](int64_t budget, double floor_alpha) {
    layer.raw().layer_budget = budget;
    return PluginMethod(library("lava_heads"), {{"floor_alpha", floor_alpha}})
        .allocate(layer.raw(), scores);
  };
  using Counts = std::vector<int64_t>;
  CHECK(split(9, 0) == Counts{5, 4});    // both windows; of five more three and two
  CHECK(split(11, 0) == Counts{6, 5});   // the seventh best of all is of the first head
  CHECK(split(13, 0) == Counts{8, 5});   // then the rest of the first head's
  CHECK(split(13, .5) == Counts{7, 6});  // half the way to an equal split
  CHECK(split(3, .2) == Counts{2, 1});   // less than the windows
  for (int64_t budget = 0; budget <= 16; ++budget) {
    const Counts got = split(budget, .2);
    CHECK(got[0] + got[1] == budget);
  }
}

TEST_CASE("triattention: the series of average queries at later positions") {
  using kvhost::scorers::TrigonometricSeries;
  const float inv_freq[] = {1, .01f};
  kvh_rope rope{};
  rope.rotary_dim = 4;
  rope.inv_freq = inv_freq;
  rope.attention_scaling = 1;
  const double places[] = {0, 5, 9};
  std::vector<std::vector<float>> keys;  // as a cache holds them
  for (int i = 0; i < 3; ++i) {
    std::vector<float> key(4);
    for (int f = 0; f < 2; ++f) {
      const std::complex<double> turned = std::complex<double>(g(1, i, f), g(1, i, f + 2)) *
                                          std::polar(1.0, places[i] * inv_freq[f]);
      key[static_cast<size_t>(f)] = static_cast<float>(turned.real());
      key[static_cast<size_t>(f + 2)] = static_cast<float>(turned.imag());
    }
    keys.push_back(key);
  }
  const auto scores = [&](int j, bool largest) {
    float real[2], imag[2], abs_mean[2];
    for (int f = 0; f < 2; ++f) {
      real[f] = static_cast<float>(g(2 + j, f, 0));
      imag[f] = static_cast<float>(g(4 + j, f, 1));
      abs_mean[f] = std::hypot(real[f], imag[f]) + .5f;
    }
    const TrigonometricSeries series({real, imag, abs_mean}, rope, 12, {1, 2, 4}, largest);
    std::vector<float> out;
    for (const auto& key : keys) out.push_back(series.score(key.data()));
    return out;
  };
  check_row(scores(0, false), {1.771991, .152056, .492581}, 2e-6);
  check_row(scores(1, false), {-.072461, .575667, 2.256630}, 2e-6);
  check_row(scores(0, true), {2.529817, .786298, 1.446092}, 2e-6);
  check_row(scores(1, true), {.048082, .674156, 2.436311}, 2e-6);
  std::vector<float> first = scores(0, false), second = scores(1, false);
  kvhost::scorers::standardise(first);
  kvhost::scorers::standardise(second);
  for (size_t i = 0; i < 3; ++i) first[i] = std::max(first[i], second[i]);
  check_row(first, {1.385830, -.350762, 1.361857}, 2e-6);
}

TEST_CASE("dynamickv: a layer gets what it has among the best of all layers") {
  const auto shares = [](double strength, double max_ratio) {
    FakeLayer strong(small_shape(), FakeLayer::dense(2, kAll), kAll);
    FakeLayer other(small_shape(), FakeLayer::dense(2, kAll), kAll);
    set_attention(strong);
    set_attention(other);
    for (size_t h = 0; h < 2; ++h)
      for (float& x : other.attention(h).data()) x *= static_cast<float>(strength);
    other.raw().layer = 1;
    const PluginMethod method(library("dynamickv"),
                              {{"window_size", kRows}, {"max_ratio", max_ratio}});
    method.observe(strong.raw());
    const auto early = method.allocate(2, 2, kAll, 16, 1);
    CHECK(early.exact);
    CHECK(early.entries[0] == std::min<int64_t>(2 * kAll, std::lround(2 * (2 + max_ratio * 2))));
    method.observe(other.raw());
    return method.allocate(2, 2, kAll, 16).shares;  // 4 a head, of which 2 are the window
  };
  CHECK(shares(1, 10) == std::vector<double>{8, 8});
  CHECK(shares(1e-3, 10) == std::vector<double>{12, 4});
  CHECK(shares(1e-3, 1) == std::vector<double>{8, 4});  // at most an equal share
  const auto between = shares(.8, 10);
  CHECK(between[0] > 8);
  CHECK(between[0] + between[1] == Approx(16));
}
