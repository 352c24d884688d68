// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"

using Catch::Contains;
using kvhost::test::Outcome;
using kvhost::test::run_program;
using kvhost::test::Scratch;
using nlohmann::json;

namespace {

Outcome bench(const Scratch& scratch, std::vector<std::string> more) {
  std::vector<std::string> args = {"bench",
                                   "-p",
                                   "Once upon a time there was a coach on the road to",
                                   "--press",
                                   "snapkv",
                                   "--budget",
                                   "8",
                                   "-n",
                                   "3",
                                   "--warmup",
                                   "0"};
  args.insert(args.end(), more.begin(), more.end());
  return run_program(args, scratch.folder());
}

json report_of(const Outcome& outcome) {
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out);
}

}  // namespace

TEST_CASE("bench measures every composition in every round, the full cache first") {
  const Scratch scratch;
  const json report = report_of(
      bench(scratch, {"--beside", "knorm", "--beside", "snapkv", "--rounds", "3", "--json", "-"}));
  REQUIRE(report["arms"].size() == 3);  // snapkv was named twice
  CHECK(report["arms"][0]["press"] == "full");
  CHECK(report["arms"][2]["press"] == "knorm");
  CHECK(report["n_new_tokens"] == 3);
  for (const auto& arm : report["arms"]) {
    CHECK(arm["rounds"].size() == 3);
    CHECK(arm["token_ms"]["low"].get<double>() > 0);
    CHECK(arm["token_ms"]["low"] <= arm["token_ms"]["median"]);
    CHECK(arm["token_ms"]["median"] <= arm["token_ms"]["high"]);
    CHECK(arm["first_token_ms"]["median"] >= arm["prefill_ms"]["low"]);
    CHECK(arm["cache_bytes_end"] > arm["cache_bytes_kept"]);
  }
  const json &full = report["arms"][0], &knorm = report["arms"][2];
  CHECK(full["cache_bytes_kept"] == full["cache_bytes_full"]);
  CHECK_FALSE(full.contains("speed_up"));
  CHECK(knorm["cache_bytes_kept"] < full["cache_bytes_kept"]);
  CHECK(knorm["cache_bytes_kept"] == report["arms"][1]["cache_bytes_kept"]);
  // Round by round: the ratio of each round, not of the medians.
  std::vector<double> ratios;
  for (size_t i = 0; i < 3; ++i)
    ratios.push_back(full["rounds"][i]["token_ms"].get<double>() /
                     knorm["rounds"][i]["token_ms"].get<double>());
  std::sort(ratios.begin(), ratios.end());
  CHECK(knorm["speed_up"]["token"]["low"].get<double>() == Approx(ratios[0]));
  CHECK(knorm["speed_up"]["token"]["median"].get<double>() == Approx(ratios[1]));
}

TEST_CASE("bench gives no speed-up of fewer than three rounds") {
  const Scratch scratch;
  const json report = report_of(bench(scratch, {"--rounds", "2", "--json", "-"}));
  for (const auto& arm : report["arms"]) CHECK_FALSE(arm.contains("speed_up"));
  const Outcome text = bench(scratch, {"--rounds", "2"});
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Contains("of 2 rounds") && !Contains("x\n"));
}

TEST_CASE("bench refuses what it cannot measure") {
  const Scratch scratch;
  CHECK(bench(scratch, {"--rounds", "0"}).exit_code == 2);
  CHECK(bench(scratch, {"-n", "0"}).exit_code == 2);
  const Outcome unknown = bench(scratch, {"--beside", "snapkw"});
  CHECK(unknown.exit_code == 2);
  CHECK_THAT(unknown.err, Contains("--beside") && Contains("snapkv"));
}
