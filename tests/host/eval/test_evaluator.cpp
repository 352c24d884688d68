// SPDX-License-Identifier: Apache-2.0
// Cells of likelihood: what they hold, and that each is measured once, whatever happens between.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "base/error.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using results::Better;

namespace {

const results::DoneCell& cell_of(const std::vector<results::DoneCell>& cells,
                                 const std::string& arm,
                                 double budget = 0.5) {
  for (const auto& cell : cells)
    if (cell.cell.arm == arm && (arm == "full" || cell.cell.budget == budget)) return cell;
  FAIL("no cell of " + arm);
  return cells.front();
}

// The mean over the scored tokens but the first, each predicted by a prefill of all before it.
double nll_by_prefills(const eval::Segment& segment, const Policy& full) {
  std::vector<int32_t> tokens = segment.context;
  double sum = 0;
  for (size_t i = 0; i < segment.scored.size(); ++i) {
    if (i > 0) {
      Sequence sequence(tiny(), full);
      sequence.prefill(tokens);
      sum -= log_softmax(sequence.logits())[static_cast<size_t>(segment.scored[i])];
    }
    tokens.push_back(segment.scored[i]);
  }
  return sum / static_cast<double>(segment.scored.size() - 1);
}

}  // namespace

TEST_CASE("the likelihood over the full cache is the model's own") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(kSmallSuite);
  measure(suite, folder / "a.db");
  const eval::Plan plan = eval::make_plan(engine(), tiny(), suite);
  for (const auto& text : plan) {
    const double expected = nll_by_prefills(*text.segment, text.settings[0].policy);
    for (const auto& cell : cells_of(folder / "a.db")) {
      if (cell.cell.arm != "full" || cell.cell.case_id != text.segment->id) continue;
      CHECK(figure(cell, "nll").value == Approx(expected).epsilon(1e-5));
      CHECK(figure(cell, "perplexity").value == Approx(std::exp(expected)).epsilon(1e-4));
      CHECK(figure(cell, "cache_bytes_kept").value == figure(cell, "cache_bytes_full").value);
    }
  }
}

TEST_CASE("what keeps everything does not differ from the full cache, what evicts does") {
  const SuiteFolder folder;
  std::string json = kSmallSuite;
  json.replace(json.find("[0.5]"), 5, "[0.25, 0.5, 1]");
  measure(folder.suite(json), folder / "a.db");
  const auto cells = cells_of(folder / "a.db");
  CHECK(cells.size() == 2 * (1 + 2 * 3));
  const auto& full = cell_of(cells, "full");
  for (const std::string arm : {"knorm", "AdaKV"}) {
    const auto& whole = cell_of(cells, arm, 1);
    CHECK(figure(whole, "kl").value == 0);
    CHECK(figure(whole, "top1_agreement").value == 1);
    CHECK(figure(whole, "nll").value == figure(full, "nll").value);
    const auto &half = cell_of(cells, arm), &quarter = cell_of(cells, arm, 0.25);
    CHECK(figure(half, "kl").value > 0);
    CHECK(figure(quarter, "kl").value > figure(half, "kl").value);
    const double bytes = figure(full, "cache_bytes_kept").value;
    CHECK(figure(half, "cache_bytes_kept").value == bytes / 2);
    CHECK(figure(quarter, "cache_bytes_kept").value == bytes / 4);
  }
  for (const auto& [metric, better] :
       std::map<std::string, Better>{{"nll", Better::Lower},
                                     {"kl", Better::Lower},
                                     {"accuracy", Better::Higher},
                                     {"top1_agreement", Better::Higher}})
    CHECK(figure(cell_of(cells, "knorm"), metric).better == better);
}

TEST_CASE("a suite that was stopped after any cell ends in the same table") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(kSmallSuite);
  measure(suite, folder / "whole.db");
  const std::string expected = table_of(folder / "whole.db");
  for (int64_t stop = 0; stop < 6; ++stop) {
    const auto file = folder / ("stopped" + std::to_string(stop) + ".db");
    CHECK_THROWS_AS(measure(suite,
                            file,
                            [&](const eval::Advance& at) {
                              if (at.n_done == stop)
                                throw Error(ExitCode::Interrupted, "", "interrupted");
                            }),
                    Error);
    CHECK(static_cast<int64_t>(cells_of(file).size()) == stop);
    CHECK(measure(suite, file) == 6 - stop);
    CHECK(table_of(file) == expected);
    CHECK(measure(suite, file) == 0);
    CHECK(table_of(file) == expected);
  }
}

TEST_CASE("an arm, a budget or a seed more is measured alone") {
  const SuiteFolder folder;
  measure(folder.suite(kSmallSuite), folder / "a.db");
  std::string json = kSmallSuite;
  json.replace(
      json.find("\"knorm\""), 7, R"("knorm", "keydiff", {"press": "random", "seeds": [0, 1]})");
  CHECK(measure(folder.suite(json), folder / "a.db") == 2 * (1 + 2));
  json.replace(json.find("[0.5]"), 5, "[0.5, 0.25]");
  CHECK(measure(folder.suite(json), folder / "a.db") == 2 * 5);
  measure(folder.suite(json), folder / "b.db");
  CHECK(table_of(folder / "a.db") == table_of(folder / "b.db"));
}

TEST_CASE("seeds move what draws at random, and are the same figures the next time") {
  const SuiteFolder folder;
  const std::string json = R"({"arms": [{"press": "random", "seeds": [0, 1]}], "budgets": [0.3],
    "tasks": [{"kind": "likelihood", "files": "alice.txt", "segments": 1, "context": 96, "scored": 16}]})";
  measure(folder.suite(json), folder / "a.db");
  measure(folder.suite(json), folder / "b.db");
  CHECK(table_of(folder / "a.db") == table_of(folder / "b.db"));
  std::set<double> values;
  for (const auto& cell : cells_of(folder / "a.db")) values.insert(figure(cell, "nll").value);
  CHECK(values.size() == 3);  // full, and two draws
}

TEST_CASE("progress counts every cell once, those that were there too") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(kSmallSuite);
  int64_t last = 0;
  const auto look = [&](const eval::Advance& at) {
    CHECK(at.n_cells == 6);
    CHECK(at.n_done >= last);
    CHECK(at.seconds_left >= 0);
    last = at.n_done;
  };
  measure(suite, folder / "a.db", look);
  CHECK(last == 6);
}

TEST_CASE("what fails while it is measured says suite, arm and task") {
  const SuiteFolder folder;
  const eval::Suite suite = folder.suite(R"json({
    "arms": ["knorm", {"name": "Zoo", "press": "zoo_error"}, "keydiff"],
    "tasks": [{"kind": "likelihood", "name": "step", "files": "alice.txt", "segments": 1,
               "context": 96, "scored": 8}]})json");
  CHECK_THROWS_WITH(measure(suite, folder / "a.db"),
                    Catch::Contains("suite.json /arms/1 'Zoo' in task 'step': zoo_error, layer 0"));
  CHECK(cells_of(folder / "a.db").size() == 2);  // what was measured before it stays
}
