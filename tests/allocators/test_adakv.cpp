// SPDX-License-Identifier: Apache-2.0
// AdaKV against the definition by full sorts, and the worked examples of its note.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <numeric>
#include <set>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

const std::string kLibrary = KVHOST_PLUGINS "/libadakv.so";

struct Entry {
  int pin;
  float score;
  int32_t position;
  int32_t head;
};

bool kept_before(const Entry& a, const Entry& b) {
  if (a.pin != b.pin) return a.pin > b.pin;
  if (a.pin > 0) return a.position != b.position ? a.position > b.position : a.head < b.head;
  if (a.score != b.score) return a.score > b.score;
  return a.position != b.position ? a.position < b.position : a.head < b.head;
}

std::vector<int64_t> reference(FakeLayer& layer, const ScoreTable& table, double alpha) {
  const int64_t budget = layer.raw().layer_budget;
  const auto n_heads = static_cast<size_t>(layer.raw().n_kv_heads);
  const int64_t per_head = budget / static_cast<int64_t>(n_heads);
  auto safe = static_cast<int64_t>(alpha * static_cast<double>(per_head));
  if (alpha > 0 && per_head > 0) safe = std::max<int64_t>(safe, 1);
  std::vector<int64_t> counts(n_heads, 0);
  std::vector<Entry> rest;
  for (size_t h = 0; h < n_heads; ++h) {
    std::vector<Entry> all;
    for (size_t i = 0; i < table.scores[h].size(); ++i) {
      all.push_back(
          {table.pins[h][i], table.scores[h][i], layer.positions(h)[i], static_cast<int32_t>(h)});
    }
    std::sort(all.begin(), all.end(), kept_before);
    counts[h] = std::min<int64_t>(safe, static_cast<int64_t>(all.size()));
    rest.insert(rest.end(), all.begin() + counts[h], all.end());
  }
  std::sort(rest.begin(), rest.end(), kept_before);
  const int64_t left = budget - std::accumulate(counts.begin(), counts.end(), int64_t{0});
  for (int64_t i = 0; i < left; ++i)
    ++counts[static_cast<size_t>(rest[static_cast<size_t>(i)].head)];
  return counts;
}

// scores[h][i] = i/1000 + h/100000, plus 10 for the last lifted[h] entries
ScoreTable ramp(const kvh_layer& layer, const std::vector<int64_t>& lifted) {
  ScoreTable table(layer);
  for (size_t h = 0; h < table.scores.size(); ++h) {
    for (size_t i = 0; i < table.scores[h].size(); ++i) {
      const bool up = static_cast<int64_t>(i) >= table.counts[h] - lifted[h];
      table.scores[h][i] = static_cast<float>(i * 1e-3 + h * 1e-5 + (up ? 10 : 0));
    }
  }
  return table;
}

// Positions of the `n` best entries of each head, as the host then selects them.
std::vector<std::vector<int32_t>> best_of(const ScoreTable& table, const std::vector<int64_t>& n) {
  std::vector<std::vector<int32_t>> kept;
  for (size_t h = 0; h < n.size(); ++h) {
    std::vector<int32_t> all(table.scores[h].size());
    std::iota(all.begin(), all.end(), 0);
    std::stable_sort(all.begin(), all.end(), [&](int32_t a, int32_t b) {
      return table.scores[h][static_cast<size_t>(a)] > table.scores[h][static_cast<size_t>(b)];
    });
    all.resize(static_cast<size_t>(n[h]));
    std::sort(all.begin(), all.end());
    kept.push_back(std::move(all));
  }
  return kept;
}

}  // namespace

TEST_CASE("adakv's worked example: 4 heads of 100 entries, 200 kept as 70, 40, 60 and 30") {
  FakeShape shape;
  shape.n_heads = shape.n_kv_heads = 4;
  FakeLayer layer(shape, FakeLayer::dense(4, 100), 100);
  layer.raw().layer_budget = 200;
  const std::vector<int64_t> wanted = {70, 40, 60, 30}, even = {50, 50, 50, 50};
  ScoreTable table = ramp(layer.raw(), wanted);
  const auto counts = PluginMethod(kLibrary).allocate(layer.raw(), table);
  REQUIRE(counts == wanted);
  const auto kept = best_of(table, counts);
  for (size_t h = 0; h < 4; ++h) {
    std::vector<int32_t> last(static_cast<size_t>(wanted[h]));
    std::iota(last.begin(), last.end(), static_cast<int32_t>(100 - wanted[h]));
    CHECK(kept[h] == last);  // all that stand out, and they alone
  }
  // An even split keeps 20 + 10 that do not, and loses as many that do.
  CHECK(PluginMethod(kLibrary, {{"alpha_safeguard", 1.0}}).allocate(layer.raw(), table) == even);
  int64_t lost = 0;
  for (size_t h = 0; h < 4; ++h) lost += std::max<int64_t>(wanted[h] - even[h], 0);
  CHECK(lost == 30);
}

TEST_CASE("adakv lets heads starve no further than their safe share") {
  FakeShape shape;
  shape.n_heads = shape.n_kv_heads = 4;
  FakeLayer layer(shape, FakeLayer::dense(4, 100), 100);
  layer.raw().layer_budget = 200;
  ScoreTable starved = ramp(layer.raw(), {100, 100, 0, 0});
  CHECK(PluginMethod(kLibrary).allocate(layer.raw(), starved) ==
        std::vector<int64_t>{90, 90, 10, 10});
  CHECK(PluginMethod(kLibrary, {{"alpha_safeguard", 0.0}}).allocate(layer.raw(), starved) ==
        std::vector<int64_t>{100, 100, 0, 0});
  CHECK(PluginMethod(kLibrary, {{"alpha_safeguard", 1.0}}).allocate(layer.raw(), starved) ==
        std::vector<int64_t>{50, 50, 50, 50});
}

TEST_CASE("adakv gives every head one entry when alpha_safeguard rounds to none") {
  FakeShape shape;
  shape.n_heads = shape.n_kv_heads = 4;
  FakeLayer layer(shape, FakeLayer::dense(4, 100), 100);
  layer.raw().layer_budget = 16;
  ScoreTable table = ramp(layer.raw(), {100, 0, 0, 0});
  CHECK(PluginMethod(kLibrary).allocate(layer.raw(), table) == std::vector<int64_t>{13, 1, 1, 1});
}

TEST_CASE("adakv equals the definition on random layers with ties, pins and ragged heads") {
  std::mt19937 rng(3);
  for (int round = 0; round < 300; ++round) {
    FakeShape shape;
    shape.n_heads = shape.n_kv_heads = 1 + static_cast<int32_t>(rng() % 5);
    std::vector<std::vector<int32_t>> positions;
    int64_t entries = 0;
    for (int32_t h = 0; h < shape.n_kv_heads; ++h) {
      std::set<int32_t> chosen;
      const size_t n = 1 + rng() % 30;
      while (chosen.size() < n) chosen.insert(static_cast<int32_t>(rng() % 60));
      positions.emplace_back(chosen.begin(), chosen.end());
      entries += static_cast<int64_t>(n);
    }
    FakeLayer layer(shape, positions, 60);
    ScoreTable table(layer.raw());
    const bool tied = round % 2 == 0, pinned = round % 3 == 0;
    for (size_t h = 0; h < table.scores.size(); ++h) {
      for (size_t i = 0; i < table.scores[h].size(); ++i) {
        const float zeros[] = {-0.0f, 0.0f};
        table.scores[h][i] = tied ? (rng() % 3 == 0 ? zeros[rng() % 2] : float(rng() % 4) - 2)
                                  : std::uniform_real_distribution<float>(-9, 9)(rng);
        if (pinned && rng() % 4 == 0) table.pins[h][i] = static_cast<int8_t>(rng() % 4) - 1;
      }
    }
    const double alpha = static_cast<double>(rng() % 11) / 10;
    const PluginMethod adakv(kLibrary, {{"alpha_safeguard", alpha}});
    layer.raw().layer_budget = static_cast<int64_t>(rng() % static_cast<uint64_t>(entries + 1));
    INFO("round " << round << ", alpha " << alpha << ", budget " << layer.raw().layer_budget);
    // Short heads may hold less than an equal split; the reference then hands out the rest, as
    // adakv does.
    CHECK(adakv.allocate(layer.raw(), table) == reference(layer, table, alpha));
  }
}

TEST_CASE("adakv refuses a budget that is unknown or larger than the layer") {
  FakeLayer layer({}, FakeLayer::dense(2, 10), 10);
  ScoreTable table = ramp(layer.raw(), {0, 0});
  CHECK_THROWS_AS(PluginMethod(kLibrary).allocate(layer.raw(), table), CallFailed);
  layer.raw().layer_budget = 21;
  CHECK_THROWS_WITH(PluginMethod(kLibrary).allocate(layer.raw(), table),
                    Catch::Contains("21 entries; expected between"));
}

TEST_CASE("adakv stays far below a millisecond for 8 heads of 4096 entries", "[.benchmark]") {
  FakeShape shape;
  shape.n_heads = shape.n_kv_heads = 8;
  FakeLayer layer(shape, FakeLayer::dense(8, 4096), 4096);
  layer.raw().layer_budget = 8 * 1024;
  ScoreTable table(layer.raw());
  for (auto& row : table.scores) row = random_floats(layer.rng(), 4096, 0, 1);
  const PluginMethod adakv(kLibrary);
  double best_ms = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    adakv.allocate(layer.raw(), table);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    best_ms = std::min(best_ms, took.count());
  }
  WARN("best of 20: " << best_ms << " ms");
  CHECK(best_ms < 1.0);
}
