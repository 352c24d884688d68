// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "analysis/recipe.hpp"
#include "eval_fixture.hpp"
#include "checks.hpp"

using namespace kvhost;
using namespace kvhost::analysis;
using Catch::Contains;
using kvhost::test::SuiteFolder;

namespace {

constexpr const char* kRest =
    R"json("files": "alice.txt", "profile": "rankkv(profile={profile})")json";

Recipe read(const SuiteFolder& folder, const std::string& part) {
  return read_recipe(folder.write("s.json", R"({"analysis": {)" + part + "}}"), {});
}

}  // namespace

TEST_CASE("a recipe is the part of a suite that says what to analyse") {
  const SuiteFolder folder;
  const Recipe recipe = read(folder, std::string(kRest) + R"(, "texts": 3, "lengths": [64, 32, 64],
    "head_length": 32, "keep_ratio": 0.1, "observers": [{"name": "a", "press": "rankkv:knorm",
    "aggregation": "median"}], "strategies": ["knorm", {"press": "snapkv"}])");
  CHECK(recipe.suite == "s");
  CHECK(recipe.files.size() == 1);
  CHECK(recipe.n_texts == 3);
  const std::vector<int64_t> in_order = {32, 64};
  CHECK(recipe.lengths == in_order);
  CHECK(recipe.head_length == 32);
  CHECK(recipe.keep_ratio == 0.1);
  CHECK(recipe.observers[0].aggregation == "median");
  CHECK(recipe.strategies[1].name == "snapkv");
  CHECK(recipe.strategies[1].where.find("/analysis/strategies/1") != std::string::npos);
}

TEST_CASE("a recipe that is wrong is refused where it is") {
  const SuiteFolder folder;
  const auto refused = [&](const std::string& part, const std::string& says) {
    CHECK_THROWS_WITH(read(folder, part), Contains(says));
  };
  const std::string rest = kRest;
  refused(R"json("profile": "rankkv(profile={profile})")json", "\"files\", the texts");
  refused(R"("files": "alice.txt", "profile": "rankkv")", "{profile} stands for a file of ranks");
  refused(R"("files": "alise.txt")", "/analysis/files: found");
  refused(rest + R"(, "lenghts": [64])", "did you mean 'lengths'?");
  refused(rest + R"(, "lengths": [8])", "/analysis/lengths/0: found '8'; expected a whole number");
  refused(rest + R"(, "observers": [{"press": "rankkv", "aggregation": "mode"}])",
          "expected mean, per_head, median, max, min");
  refused(rest + R"(, "strategies": ["knorm", "knorm"])", "a name of its own");
  CHECK_THROWS_WITH(read_recipe(folder.write("none.json", R"({"arms": []})"), {}),
                    Contains("/analysis: is absent; expected what to analyse"));
}

TEST_CASE("the bundled recipes can be read") {
  setenv("KVHOST_DATA", KVHOST_SOURCE_DIR, 1);
  const auto names = bundled_recipes();
  for (const char* name : {"quick", "rankkv_analysis", "rankkv_figures"})
    CHECK(std::find(names.begin(), names.end(), name) != names.end());
  CHECK(std::find(names.begin(), names.end(), "leaderboard") == names.end());
  for (const auto& name : names) {
    INFO(name);
    const Recipe recipe = read_recipe(name, {});
    CHECK_FALSE(recipe.files.empty());
    CHECK(recipe.strategies.size() >= 3);
  }
}
