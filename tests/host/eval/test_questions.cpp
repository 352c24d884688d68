// SPDX-License-Identifier: Apache-2.0
// Cells of questions: apart and as a conversation, with the question out of sight and in sight.
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using results::Better;

namespace {

using Cells = std::vector<results::DoneCell>;

constexpr const char* kShared = R"({"kind": "shared_needles", "haystack": "thursday.txt",
  "lengths": [600], "cases": 1, "questions": 2, "name": )";

Cells of_task(const Cells& cells, const std::string& task, const std::string& arm) {
  Cells out;
  for (const auto& cell : cells)
    if (cell.cell.task == task && cell.cell.arm == arm) out.push_back(cell);
  return out;
}

std::string answer_of(const results::DoneCell& cell, const std::string& metric) {
  return nlohmann::json::parse(figure(cell, metric).extra).at("answer");
}

std::string metric_of(const results::DoneCell& cell) {
  for (const auto& m : cell.measurements)
    if (!m.extra.empty()) return m.metric;
  FAIL("no answer in " + cell.cell.case_id);
  return "";
}

}  // namespace

TEST_CASE("questions apart and as a conversation: the first is the same, all are there once") {
  const SuiteFolder folder;
  const std::string json =
      std::string(R"json({"arms": ["snapkv(window_size=8)"], "budgets": [0.5], "tasks": [)json") +
      kShared + "\"apart\"}, " + kShared + "\"talk\", \"conversation\": true}]}";
  CHECK(measure(folder.suite(json), folder / "a.db") == 8);
  const Cells cells = cells_of(folder / "a.db");
  REQUIRE(cells.size() == 8);
  for (const std::string arm : {"full", "snapkv(window_size=8)"}) {
    const Cells apart = of_task(cells, "apart", arm), talk = of_task(cells, "talk", arm);
    REQUIRE(apart.size() == 2);
    REQUIRE(talk.size() == 2);
    const std::string metric = metric_of(apart[0]);
    CHECK(apart[0].cell.case_id == talk[0].cell.case_id);
    CHECK(answer_of(apart[0], metric) == answer_of(talk[0], metric));
    CHECK(figure(apart[0], "cache_bytes_kept").value == figure(talk[1], "cache_bytes_kept").value);
  }
}

TEST_CASE("a conversation that was stopped between two questions is measured from its beginning") {
  const SuiteFolder folder;
  const std::string json = std::string(R"({"arms": ["knorm"], "budgets": [0.5], "tasks": [)") +
                           kShared + "\"talk\", \"conversation\": true}]}";
  const eval::Suite suite = folder.suite(json);
  measure(suite, folder / "whole.db");
  int n_shown = 0;
  CHECK_THROWS(measure(suite, folder / "a.db", [&](const eval::Advance& at) {
    n_shown += at.n_done == 2;
    if (n_shown > 1) throw std::runtime_error("stopped");
  }));
  CHECK(cells_of(folder / "a.db").size() == 2);
  measure(suite, folder / "a.db");
  CHECK(table_of(folder / "a.db") == table_of(folder / "whole.db"));
}

TEST_CASE("with the question in sight the full cache answers alike, and has cells of its own") {
  const SuiteFolder folder;
  const std::string json = std::string(R"json({"arms": ["snapkv(window_size=8)"], "budgets": [0.3],
    "question_aware": [false, true], "tasks": [)json") +
                           kShared + "\"apart\"}, " + kShared +
                           "\"talk\", \"conversation\": true}]}";
  CHECK(measure(folder.suite(json), folder / "a.db") == 2 * 2 * 2 + 2 * 2);
  Cells out_of_sight, in_sight;
  for (const auto& cell : of_task(cells_of(folder / "a.db"), "apart", "full"))
    (cell.cell.question_aware ? in_sight : out_of_sight).push_back(cell);
  REQUIRE(in_sight.size() == 2);
  REQUIRE(out_of_sight.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    const std::string metric = metric_of(in_sight[i]);
    CHECK(answer_of(in_sight[i], metric) == answer_of(out_of_sight[i], metric));
  }
  for (const auto& cell : of_task(cells_of(folder / "a.db"), "talk", "full"))
    CHECK_FALSE(cell.cell.question_aware);
}

TEST_CASE("a needle's cell says where it lay, how long the text was, and what was answered") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(R"({"arms": ["knorm"], "tasks": [{"kind": "needle",
    "haystack": "thursday.txt", "needle": "The password is heliotrope.",
    "question": "\nWhat is the password?", "answer_prefix": " The password is",
    "answers": ["heliotrope"], "lengths": [256], "depths": [0, 50]}]})");
  measure(suite, folder / "a.db");
  const Cells cells = of_task(cells_of(folder / "a.db"), "needle", "full");
  REQUIRE(cells.size() == 2);
  for (const auto& cell : cells) {
    const auto& score = figure(cell, metric_of(cell));
    const auto extra = nlohmann::json::parse(score.extra);
    CHECK(extra["length"] == 256);
    CHECK(extra["depth"] == (cell.cell.case_id == "needle/256/0" ? 0 : 50));
    CHECK(extra["expected"] == nlohmann::json{"heliotrope"});
    const bool told = extra["answer"].get<std::string>().find("heliotrope") != std::string::npos;
    CHECK(score.value == (told ? 1 : 0));
    CHECK(score.better == Better::Higher);
    CHECK(figure(cell, "generated_tokens").value >= 1);
  }
}

TEST_CASE("a text that the model cannot read with its question is refused before any is read") {
  const SuiteFolder folder;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "The coach to York was late. ";
  const nlohmann::json asked = {{"question", "Why?"}, {"answers", {"rain"}}};
  folder.write("long.json",
               nlohmann::json{{"context", text}, {"questions", {asked}}}.dump());
  const eval::Suite suite =
      folder.suite(R"({"tasks": [{"kind": "shared_context", "files": "long.json"}]})");
  CHECK_THROWS_WITH(eval::make_plan(engine(), tiny(), suite),
                    Catch::Contains("case 'long/0': takes ") && Catch::Contains("the model reads 1024"));
}

TEST_CASE("a metric of which less is better is stored as such") {
  const SuiteFolder folder;
  folder.write("secret.json",
               R"({"context": "The house stands at the river, and nobody lives in it.",
    "questions": [{"question": "\nWhere does the house stand?", "answers": ["at the river"],
                   "metric": "leakage", "max_new_tokens": 4}]})");
  const eval::Suite suite = folder.suite(R"({"tasks": [{"kind": "shared_context",
    "files": "secret.json"}]})");
  measure(suite, folder / "a.db");
  const Cells cells = cells_of(folder / "a.db");
  REQUIRE(cells.size() == 1);
  CHECK(figure(cells[0], "leakage").better == Better::Lower);
}

TEST_CASE("instructions are scored by what was followed, strictly and loosely") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(R"({"arms": ["knorm"], "budgets": [0.5],
    "tasks": [{"kind": "instructions", "words": "alice.txt", "topics": ["a day at the sea"],
               "instructions": 3, "cases": 2, "max_new_tokens": 12}]})");
  CHECK(measure(suite, folder / "a.db") == 4);
  for (const auto& cell : cells_of(folder / "a.db")) {
    const double strict = figure(cell, "followed").value;
    CHECK(strict >= 0);
    CHECK(figure(cell, "followed_loose").value >= strict);
    CHECK(std::abs(strict * 3 - std::round(strict * 3)) < 1e-9);  // of three
  }
}

namespace {

// Rows of 1500 tokens or more for a model that reads 1024; the answer stands at the end.
std::string long_row(const std::string& question) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "The coach to York was late. ";
  return nlohmann::json{{"context", text + "The driver was Tom."},
                        {"input", question},
                        {"answers", {"Tom"}},
                        {"dataset", "qasper"},
                        {"_id", "a"},
                        {"all_classes", nullptr},
                        {"length", 1500}}
      .dump();
}

}  // namespace

TEST_CASE("a benchmark's long text is cut in its middle where that is asked for, and says so") {
  const SuiteFolder folder;
  folder.write("qasper.jsonl", long_row("Who was the driver?") + "\n");
  const std::string json = R"({"tasks": [{"kind": "longbench", "files": "qasper.jsonl")";
  CHECK_THROWS_WITH(eval::make_plan(engine(), tiny(), folder.suite(json + "}]}")),
                    Catch::Contains("the model reads 1024"));
  const eval::Suite suite = folder.suite(json + R"(, "cut": "middle"}]})");
  const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
  REQUIRE(plan.size() == 1);
  const int64_t needed = plan[0].asker->n_needed(plan[0].asks[0]);
  CHECK(needed <= 1024);
  CHECK(needed > 1000);  // no more than had to go
  const std::string text = tiny().decode(plan[0].asker->tokens());
  CHECK_THAT(text, Catch::Contains("The driver was Tom."));  // the end is there
  const std::string extra = plan[0].asks[0].score("Tom")[0].extra;
  CHECK(nlohmann::json::parse(extra)["cut_tokens"] > 400);
  CHECK_THAT(refusal(folder, R"({"tasks": [{"kind": "longbench", "files": "qasper.jsonl",
    "cut": "end"}]})"),
             Catch::Contains("suite.json /tasks/0/cut: found"));
  CHECK_THAT(refusal(folder, R"({"tasks": [{"kind": "needle", "haystack": "thursday.txt",
    "needle": "A.", "answers": ["b"], "cut": "middle"}]})"),
             Catch::Contains("expected it with longbench and infinitebench alone"));
}
