// SPDX-License-Identifier: Apache-2.0
// Score fusion beside its rules as tests/oracle/score_fusion_golden.py writes them down.
#include <catch2/catch.hpp>
#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>

#include "plugin_method.hpp"

using namespace kvhost::testing;

namespace {

constexpr FakeShape kShape = {4, 2, 4, 8, 3};
constexpr int64_t kEntries = 9;

ScoreTable table_of(const nlohmann::json& json, const kvh_layer& layer) {
  ScoreTable table(layer);
  for (size_t h = 0; h < table.scores.size(); ++h)
    for (size_t i = 0; i < table.scores[h].size(); ++i) {
      table.scores[h][i] = json["scores"][h][i].get<float>();
      table.pins[h][i] = json["pins"][h][i].get<int8_t>();
    }
  return table;
}

}  // namespace

TEST_CASE("score_fusion: CombSUM and CombMAX of scores of other scales, pins apart") {
  std::ifstream file(KVHOST_TEST_DATA "/golden/score_fusion.json");
  const auto golden = nlohmann::json::parse(file);
  FakeLayer layer(kShape, FakeLayer::dense(2, kEntries), kEntries);
  size_t n_cases = 0;
  for (const auto& one : golden["cases"]) {
    INFO(one["rule"] << " " << one["normalize"] << " of " << one["n"]);
    std::deque<GivenScores> given;
    std::vector<const kvh_child*> children;
    for (size_t i = 0; i < one["n"].get<size_t>(); ++i)
      children.push_back(&given.emplace_back(table_of(golden["tables"][i], layer.raw())).child());
    Settings settings = {{"rule", one["rule"].get<std::string>()},
                         {"normalize", one["normalize"].get<std::string>()}};
    if (!one["weights"].is_null()) settings["weights"] = one["weights"].get<std::vector<double>>();
    const ScoreTable got = PluginMethod(KVHOST_PLUGINS "/libscore_fusion.so", settings, children)
                               .score(layer.raw());
    const ScoreTable want = table_of(one["expected"], layer.raw());
    CHECK(got.pins == want.pins);
    for (size_t h = 0; h < want.scores.size(); ++h)
      for (size_t i = 0; i < want.scores[h].size(); ++i)
        CHECK(got.scores[h][i] == Approx(want.scores[h][i]).epsilon(1e-5).margin(1e-6));
    ++n_cases;
  }
  CHECK(n_cases == 24);
}
