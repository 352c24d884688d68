// SPDX-License-Identifier: Apache-2.0
// Suites as users write them: what is wrong is said in one line, with its place.
#include <stdlib.h>

#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;

namespace {

constexpr const char* kTask =
    R"({"kind": "likelihood", "files": ["alice.txt"], "context": 64, "scored": 8})";

std::string with_tasks(const std::string& tasks) { return R"({"tasks": [)" + tasks + "]}"; }
std::string with_arms(const std::string& arms) {
  return R"({"arms": )" + arms + R"(, "tasks": [)" + kTask + "]}";
}

struct Wrong {
  std::string json;
  std::vector<std::string> says;
};

void check_all(const std::vector<Wrong>& all) {
  const SuiteFolder folder;
  for (const auto& [json, says] : all) {
    const std::string line = refusal(folder, json);
    INFO(json << "\n" << line);
    for (const auto& word : says) CHECK_THAT(line, Contains(word));
  }
}

}  // namespace

TEST_CASE("what a suite is as a whole: JSON, an object, each key once, with tasks") {
  check_all(
      {{"{\"tasks\": [", {"suite.json"}},
       {"[1]", {"suite.json /: ", "expected an object"}},
       {R"({"tasks": 1, "tasks": 2})", {"suite.json: names the key", "'tasks' twice"}},
       {"{}", {"suite.json /tasks: is absent; expected what to measure"}},
       {R"({"tasks": []})", {"suite.json /tasks: found", "expected an array that is not empty"}},
       {R"({"budgest": [0.5]})", {"suite.json /budgest: unknown key", "did you mean 'budgets'?"}}});
}

TEST_CASE("budgets are kept shares, neither 0 nor 2") {
  check_all(
      {{R"({"budgets": [0.5, 0]})", {"suite.json /budgets/1: found '0'; expected a number in"}},
       {R"({"budgets": [2]})", {"suite.json /budgets/0: found '2'; expected a number in"}},
       {R"({"budgets": 0.5})", {"suite.json /budgets: found '0.5'; expected an array"}},
       {with_arms(R"([{"press": "knorm", "budgets": [1.5]}])"),
        {"suite.json /arms/0/budgets/0: found '1.5'"}},
       {R"({"seeds": [-1]})", {"suite.json /seeds/0: found '-1'; expected a whole number"}},
       {R"({"question_aware": [1]})", {"/question_aware/0: found '1'; expected true or false"}}});
}

TEST_CASE("arms have names of their own, a composition, and tasks that exist") {
  check_all(
      {{with_arms(R"(["knorm", {"name": "knorm", "press": "random"}])"),
        {"suite.json /arms/1: found", "expected a name of its own", "'knorm' is another arm's"}},
       {with_arms(R"([{"name": "a"}])"), {"suite.json /arms/0: found", "expected \"press\""}},
       {with_arms(R"([{"pres": "knorm"}])"),
        {"/arms/0/pres: unknown key", "did you mean 'press'?"}},
       {with_arms(R"([{"press": "knorm", "tasks": ["likelyhood"]}])"),
        {"suite.json /arms/0/tasks: found 'likelyhood'", "did you mean 'likelihood'?"}}});
}

TEST_CASE("a task has a known kind, a name of its own, and its files") {
  check_all(
      {{with_tasks("{}"), {"suite.json /tasks/0: found", "expected an object with \"kind\""}},
       {with_tasks(R"({"kind": "likelyhood"})"),
        {"suite.json /tasks/0/kind: found", "did you mean 'likelihood'?"}},
       {with_tasks(std::string(kTask) + "," + kTask),
        {"suite.json /tasks/1: found", "'likelihood' is another task's"}},
       {with_tasks(R"({"kind": "likelihood"})"), {"/tasks/0: found", "expected \"files\""}},
       {with_tasks(R"({"kind": "likelihood", "files": "alice.txt", "contexts": 64})"),
        {"/tasks/0/contexts: unknown key", "did you mean 'context'?"}},
       {with_tasks(R"({"kind": "likelihood", "files": "alice.txt", "scored": 1})"),
        {"/tasks/0/scored: found '1'; expected a whole number from 2 on"}},
       {with_tasks(R"({"kind": "likelihood", "files": "alice.txt", "context": 64, "scored": 65,
                       "copy": true})"),
        {"/tasks/0: found", "expected \"scored\" no larger than \"context\""}},
       {with_tasks(R"({"kind": "ruler", "haystack": "alice.txt", "tasks": ["vr"]})"),
        {"/tasks/0/tasks/0: found '\"vr\"'", "did you mean 'vt'?"}},
       {with_tasks(R"({"kind": "ruler", "haystack": "alice.txt"})"), {"expected \"tasks\""}},
       {with_tasks(R"({"kind": "needle", "haystack": "alice.txt", "depths": [101]})"),
        {"/tasks/0/depths/0: found '101'; expected a number in [0, 100]"}},
       {with_tasks(R"({"kind": "needle", "haystack": "alice.txt"})"), {"expected \"needle\""}},
       {with_tasks(R"({"kind": "longbench"})"), {"expected \"files\""}},
       {with_tasks(R"({"kind": "instructions", "words": "alice.txt"})"), {"\"topics\""}}});
}

TEST_CASE("a text that is missing or another one is an error, never replaced") {
  check_all(
      {{with_tasks(R"({"kind": "likelihood", "files": ["alice.txt", "alicia.txt"]})"),
        {"suite.json /tasks/0/files/1: found", "alicia.txt", "looked for", "--data DIR"}},
       {with_tasks(R"({"kind": "needle", "haystack": "nothing.txt"})"),
        {"suite.json /tasks/0/haystack: found"}},
       {with_tasks(R"({"kind": "likelihood", "files": [{"file": "alice.txt", "sha256": "abc"}]})"),
        {"suite.json /tasks/0/files/0: ", "alice.txt has the SHA-256 ", "expected abc"}},
       {with_tasks(R"({"kind": "likelihood", "files": [{"sha256": "abc"}]})"),
        {"suite.json /tasks/0/files/0: found", "expected \"file\""}}});
}

TEST_CASE("a suite that nobody has is refused with the nearest name") {
  setenv("KVHOST_DATA", KVHOST_SOURCE_DIR, 1);
  CHECK_THROWS_WITH(eval::read_suite("quik"),
                    Contains("'quik': no such suite") && Contains("did you mean 'quick'?"));
}

TEST_CASE("every bundled suite can be read, those on data that is not bundled say what to get") {
  setenv("KVHOST_DATA", KVHOST_SOURCE_DIR, 1);
  const auto names = eval::bundled_suites();
  CHECK(names.size() >= 11);
  const Model bundled =  // with what methods have learned of it
      engine().open({std::filesystem::path(KVHOST_SOURCE_DIR) / "models/demo", DType::Float32});
  for (const auto& name : names) {
    INFO(name);
    CHECK(eval::suite_description(name).size() > 20);
    if (name == "rankkv_main") {
      CHECK_THROWS_WITH(eval::read_suite(name),
                        Contains("/tasks/0/files/0/file: found") && Contains("--data DIR"));
      continue;
    }
    const eval::Suite suite = eval::read_suite(name);
    CHECK(suite.arms.size() >= 2);
    CHECK_FALSE(suite.tasks.empty());
    for (const auto& arm : suite.arms)  // its methods are all here
      CHECK_NOTHROW(
          engine().policy(bundled, {.press = {PressSource::Form::Text, arm.press, arm.where, ""}}));
  }
}

TEST_CASE("the hash of a suite changes with what changes its figures, and with nothing else") {
  const SuiteFolder folder;
  const std::string task = kTask;
  const std::string hash = folder.suite(with_tasks(task)).hash;
  CHECK(hash == folder
                    .suite(R"({"name": "other", "description": "words", "model": "tiny",
      "arms": ["knorm"], "budgets": [0.1], "seeds": [3], "question_aware": [true],
      "tasks": [)" + task + "]}")
                    .hash);
  CHECK(hash != folder.suite(R"({"min_entries": 1, "tasks": [)" + task + "]}").hash);
  CHECK(hash != folder.suite(R"({"chat": false, "tasks": [)" + task + "]}").hash);
  CHECK(hash !=
        folder.suite(with_tasks(task.substr(0, task.size() - 1) + ", \"cut_every\": 1}")).hash);
}
