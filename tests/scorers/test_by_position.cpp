// SPDX-License-Identifier: Apache-2.0
// Scorers that look at positions only, and random draws.
#include <catch2/catch.hpp>
#include <set>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

}  // namespace

TEST_CASE("streaming_llm pins sinks and scores the rest by position") {
  FakeLayer layer({}, {{0, 1, 2, 3, 4, 9}, {3, 5, 7}}, 10);
  const ScoreTable got =
      PluginMethod(library("streaming_llm"), {{"n_sink", int64_t{4}}}).score(layer.raw());
  CHECK(got.pins[0] == std::vector<int8_t>{1, 1, 1, 1, 0, 0});
  CHECK(got.pins[1] == std::vector<int8_t>{1, 0, 0});
  CHECK(got.scores[1] == std::vector<float>{3, 5, 7});
}

TEST_CASE("recent_only scores by position and pins nothing") {
  FakeLayer layer({}, {{0, 4, 8}, {2}}, 10);
  const ScoreTable got = PluginMethod(library("recent_only")).score(layer.raw());
  CHECK(got.scores[0] == std::vector<float>{0, 4, 8});
  CHECK(got.pins[0] == std::vector<int8_t>{0, 0, 0});
}

TEST_CASE("random draws depend on seed, layer, head and position alone") {
  FakeLayer layer({}, FakeLayer::dense(2, 500), 500);
  const PluginMethod random(library("random"));
  const ScoreTable first = random.score(layer.raw());
  CHECK(random.score(layer.raw()).scores == first.scores);

  // An entry keeps its draw when others have gone.
  FakeLayer later({}, {{0, 77, 499}, {3}}, 501);
  const ScoreTable kept = random.score(later.raw());
  CHECK(kept.scores[0] ==
        std::vector<float>{first.scores[0][0], first.scores[0][77], first.scores[0][499]});
  CHECK(kept.scores[1][0] == first.scores[1][3]);

  const PluginMethod seeded(library("random"), {{"seed", int64_t{6}}});
  CHECK(seeded.score(layer.raw()).scores != first.scores);
  layer.raw().layer = 1;
  CHECK(random.score(layer.raw()).scores != first.scores);
}

TEST_CASE("random draws are uniform between 0 and 1") {
  FakeLayer layer({}, FakeLayer::dense(2, 4000), 4000);
  const ScoreTable got = PluginMethod(library("random")).score(layer.raw());
  std::vector<int> bins(10, 0);
  for (const auto& row : got.scores) {
    for (const float x : row) {
      REQUIRE((x >= 0 && x < 1));
      ++bins[static_cast<size_t>(x * 10)];
    }
  }
  double chi_square = 0;
  for (const int count : bins) chi_square += (count - 800.0) * (count - 800.0) / 800.0;
  CHECK(chi_square < 27.9);  // 0.1 % point of 9 degrees of freedom
}
