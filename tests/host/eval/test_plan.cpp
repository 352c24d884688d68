// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;

namespace {

std::string suite_of(const std::string& arms, const std::string& more = "") {
  return R"({"arms": )" + arms + R"(, "budgets": [0.25, 0.5], "seeds": [7],
    "tasks": [{"kind": "likelihood", "name": "text", "files": "alice.txt", "segments": 2,
               "context": 96, "scored": 16)" +
         more + "}]}";
}

std::string plan_refusal(const SuiteFolder& folder, const std::string& json) {
  const eval::Suite suite = folder.suite(json);
  try {
    eval::make_plan(engine(), tiny(), suite);
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("a plan holds the full cache first, then every arm at its budgets with its seeds") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(suite_of(
      R"(["knorm", {"name": "R", "press": "random", "budgets": [0.1], "seeds": [1, 2]}])"));
  const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
  REQUIRE(plan.size() == 2);
  for (const auto& text : plan) {
    REQUIRE(text.settings.size() == 4);
    CHECK(text.settings[0].arm == "full");
    CHECK(text.settings[0].policy.press() == "none");
    CHECK(text.settings[1].policy.press() == text.settings[2].policy.press());
    CHECK(text.settings[1].budget == 0.25);
    CHECK(text.settings[2].budget == 0.5);
    CHECK(text.settings[1].seeds == std::vector<int64_t>{7});
    CHECK(text.settings[3].arm == "R");
    CHECK(text.settings[3].seeds == std::vector<int64_t>{1, 2});
    CHECK(text.settings[3].policy.budget(96).entries_per_head == 9);  // no floor for short texts
    CHECK(text.settings[3].policy.decode_press().empty());
  }
}

TEST_CASE("cut_every makes the composition evict while the text is scored, to the same entries") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(suite_of(R"(["knorm"])", ", \"cut_every\": 1"));
  const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
  const Policy& policy = plan[0].settings[1].policy;
  CHECK(policy.decode_press() == policy.press());
  CHECK(plan[0].settings[0].policy.decode_press().empty());
  Sequence sequence(tiny(), policy);
  sequence.prefill(plan[0].segment->context);
  const int64_t after_prompt = sequence.bytes_kept();
  sequence.force(plan[0].segment->scored);
  CHECK(sequence.bytes_kept() == after_prompt);  // 24 entries a head, before and after
  CHECK(sequence.kept()[0][0].size() == 24);
}

TEST_CASE("an arm may run in some tasks only") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(R"json({
    "arms": ["knorm", {"name": "P", "press": "pyramidkv:snapkv(window_size=8)", "tasks": ["prompt"]}],
    "tasks": [
      {"kind": "likelihood", "name": "prompt", "files": "alice.txt", "segments": 1, "context": 96, "scored": 8},
      {"kind": "likelihood", "name": "step", "files": "alice.txt", "segments": 1, "context": 96, "scored": 8,
       "cut_every": 1}]})json");
  const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
  CHECK(plan[0].settings.size() == 3);
  CHECK(plan[1].settings.size() == 2);
}

TEST_CASE("a composition that cannot run says suite, arm and task") {
  const SuiteFolder folder;
  CHECK_THAT(plan_refusal(folder,
                          suite_of(R"(["knorm", {"name": "P", "press": "pyramidkv"}])",
                                   ", \"cut_every\": 1")),
             Contains("suite.json /arms/1 'P' in task 'text', column 1: 'pyramidkv' cannot run "
                      "while generating"));
  CHECK_THAT(plan_refusal(folder,
                          suite_of(R"json(["knorm", {"name": "EA", "press":
                                   "expected_attention(query_window=0)"}])json",
                                   ", \"cut_every\": 1")),
             Contains("suite.json /arms/1 'EA' in task 'text': the composition needs the queries"));
  CHECK_THAT(plan_refusal(folder, suite_of(R"(["knrom"])")),
             Contains("suite.json /arms/0 'knrom' in task 'text', column 1: no method named") &&
                 Contains("did you mean 'knorm'?"));
  CHECK_THAT(plan_refusal(folder, suite_of(R"(["dms:snapkv"])")),
             Contains("suite.json /arms/0 'dms:snapkv' in task 'text': 'dms' decides by its own"));
  CHECK_THAT(plan_refusal(folder, suite_of(R"(["none"])")),
             Contains("/arms/0 'none' in task 'text': keeps everything"));
  CHECK_THAT(plan_refusal(folder, suite_of(R"(["knorm", {"name": "L2", "press": "l2_compress"}])")),
             Contains("/arms/1 'L2' in task 'text': is the composition of 'knorm'"));
}

TEST_CASE("the work of a cell is what it makes the model read, at once or step by step") {
  const SuiteFolder folder;
  for (const bool steps : {false, true}) {
    const eval::Suite suite =
        folder.suite(suite_of(R"(["knorm"])", steps ? ", \"cut_every\": 1" : ""));
    const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
    CHECK(eval::prompt_of(plan[0]).size() == 96);
    const eval::Work work = eval::work_behind(plan[0], plan[0].settings[1], {});
    CHECK(work.n_read == (steps ? 0 : 16));
    CHECK(work.n_stepped == (steps ? 16 : 0));
  }
}
