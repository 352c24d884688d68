// SPDX-License-Identifier: Apache-2.0
// What a compression did to a needle, and to what is attended to most.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "engine/full_reading.hpp"
#include "eval/diagnosis.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using nlohmann::json;

namespace {

const char* const kMetrics[] = {
    "global_eviction_ratio", "span_retention", "oracle_overlap", "attention_kept"};

// A needle half-way in 256 tokens.
std::string needle_suite(const std::string& more, const std::string& depths = "[50]") {
  return R"({"arms": ["streaming_llm", "knorm"], "budgets": [0.25, 1], )" + more +
         R"("tasks": [{"kind": "needle", "haystack": "thursday.txt",
    "needle": "The password is heliotrope.", "question": "\nWhat is the password?",
    "answer_prefix": " The password is", "answers": ["heliotrope"], "lengths": [256],
    "depths": )" +
         depths + "}]}";
}

const results::DoneCell& cell_of(const std::vector<results::DoneCell>& cells,
                                 const std::string& arm,
                                 double budget,
                                 bool aware = false) {
  for (const auto& cell : cells)
    if (cell.cell.arm == arm && cell.cell.budget == budget && cell.cell.question_aware == aware)
      return cell;
  FAIL("no cell of " + arm);
  return cells.front();
}

bool has(const results::DoneCell& cell, const std::string& metric) {
  for (const auto& m : cell.measurements)
    if (m.metric == metric) return true;
  return false;
}

}  // namespace

TEST_CASE("nothing is lost where everything is kept, and the oracle is agreed with") {
  const SuiteFolder folder;
  measure(folder.suite(needle_suite(R"("diagnose": true, "question_aware": [false, true], )")),
          folder / "a.db");
  const auto cells = cells_of(folder / "a.db");
  for (const bool aware : {false, true})
    for (const std::string arm : {"full", "knorm", "streaming_llm"}) {
      const auto& cell = cell_of(cells, arm, 1, aware);
      CHECK(figure(cell, "global_eviction_ratio").value == 0);
      CHECK(figure(cell, "span_retention").value == 1);
      CHECK(figure(cell, "oracle_overlap").value == 1);
      CHECK(figure(cell, "attention_kept").value == Approx(1));
    }
}

TEST_CASE("what keeps the ends of a text alone loses a needle in its middle, in every head") {
  const SuiteFolder folder;
  measure(folder.suite(needle_suite(R"("diagnose": true, )", "[50, 100]")), folder / "a.db");
  for (const auto& cell : cells_of(folder / "a.db")) {
    if (cell.cell.arm != "streaming_llm" || cell.cell.budget != 0.25) continue;
    const bool at_the_end = cell.cell.case_id == "needle/256/100";
    CHECK(figure(cell, "global_eviction_ratio").value == (at_the_end ? 0 : 1));
    CHECK(figure(cell, "span_retention").value == (at_the_end ? 1 : 0));
    CHECK(figure(cell, "global_eviction_ratio").better == results::Better::Lower);
  }
}

TEST_CASE("retention is told by layer and head, overlap by layer") {
  const SuiteFolder folder;
  measure(folder.suite(needle_suite(R"("diagnose": true, )")), folder / "a.db");
  const auto cells = cells_of(folder / "a.db");
  const auto& cell = cell_of(cells, "knorm", 0.25);
  const auto& retention = figure(cell, "span_retention");
  const json extra = json::parse(retention.extra);
  REQUIRE(extra["by_layer_and_head"].size() == 4);
  double sum = 0;
  for (const auto& layer : extra["by_layer_and_head"]) {
    REQUIRE(layer.size() == 2);
    for (const double share : layer) sum += share;
  }
  CHECK(sum / 8 == Approx(retention.value).margin(1e-4));
  REQUIRE(extra["spans"].size() == 1);
  CHECK(extra["spans"][0]["text"] == "The password is heliotrope.");
  CHECK(extra["spans"][0]["n_tokens"] >= 4);
  CHECK(json::parse(figure(cell, "oracle_overlap").extra)["by_layer"].size() == 4);
  // A quarter of the entries, chosen by something: neither all of the oracle's nor none.
  const double overlap = figure(cell, "oracle_overlap").value;
  CHECK(overlap > 0);
  CHECK(overlap < 1);
}

TEST_CASE("likelihood knows no answers, but what the scored tokens look at") {
  const SuiteFolder folder;
  std::string text = kSmallSuite;
  text.insert(1, "\"diagnose\": true, ");
  measure(folder.suite(text), folder / "a.db");
  for (const auto& cell : cells_of(folder / "a.db")) {
    CHECK_FALSE(has(cell, "span_retention"));
    const double overlap = figure(cell, "oracle_overlap").value;
    CHECK((cell.cell.arm == "full") == (overlap == 1));
  }
}

TEST_CASE("figures are not asked for by default, and a suite that asks has cells of its own") {
  const SuiteFolder folder;
  const eval::Suite plain = folder.suite(needle_suite(""));
  measure(plain, folder / "a.db");
  for (const auto& cell : cells_of(folder / "a.db"))
    for (const char* metric : kMetrics) CHECK_FALSE(has(cell, metric));
  const std::string file = folder.write("d.json", needle_suite(R"("diagnose": true, )"));
  const eval::Suite asked = eval::read_suite(file);
  CHECK(asked.hash != plain.hash);
  // The flag is the key.
  CHECK(eval::read_suite((folder / "suite.json").string(), {}, true).hash == asked.hash);
  CHECK_THAT(refusal(folder, needle_suite(R"("diagnose": 1, )")),
             Catch::Contains("suite.json /diagnose: found '1'; expected true or false"));
}

TEST_CASE("the oracle's entries are those to which the readers attend most, head by head") {
  std::vector<int32_t> text, readers;
  for (int32_t i = 0; i < 120; ++i) text.push_back(5 + i * 37 % 400);
  for (int32_t i = 0; i < 6; ++i) readers.push_back(9 + i * 53 % 400);
  PolicyOptions options;
  options.press = {PressSource::Form::Text, "adakv:knorm", "--press", ""};
  options.keep_ratio = 0.25;
  options.min_entries = 0;
  Sequence sequence(tiny(), engine().policy(tiny(), options));
  sequence.prefill(text);
  const ReceivedAttention received = FullReading(tiny(), text).received(readers);
  double n_best = 0, n_kept = 0, on_kept = 0, all = 0;
  const KeptPositions kept = sequence.kept();
  for (size_t l = 0; l < kept.size(); ++l)
    for (size_t h = 0; h < kept[l].size(); ++h) {
      const auto& row = received[l][h];
      for (const float value : row) all += value;
      for (const int32_t p : kept[l][h]) {
        const float mine = row[static_cast<size_t>(p)];
        on_kept += mine;
        const auto n_above =
            std::count_if(row.begin(), row.end(), [&](float other) { return other > mine; });
        n_best += n_above < static_cast<int64_t>(kept[l][h].size()) ? 1 : 0;
        ++n_kept;
      }
    }
  results::DoneCell cell;
  cell.measurements = eval::Diagnosis(tiny(), text).figures(sequence, {}, readers);
  CHECK(figure(cell, "oracle_overlap").value == Approx(n_best / n_kept));
  CHECK(figure(cell, "attention_kept").value == Approx(on_kept / all));
  CHECK(n_best < n_kept);
}
