// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <limits>

#include "base/error.hpp"
#include "made_cells.hpp"

using Catch::Contains;
using namespace kvhost::results;
using namespace kvhost::test;

TEST_CASE("what goes into a store comes out of it") {
  const ResultFolder folder;
  DoneCell made = made_cell(made_arms()[1], 0.1, 3, /*seed=*/7);
  made.cell.question_aware = true;
  made.cell.plugins = R"([{"method": "adakv", "library": "adakv.so", "sha256": "3f"}])";
  made.measurements.push_back({"ppl", "", std::numeric_limits<double>::infinity()});
  {
    Store store(folder / "a.db", Access::Write);
    CHECK_FALSE(store.has(made.cell));
    CHECK(store.add(*made.run, made.cell, made.measurements));
    CHECK(store.has(made.cell));
  }
  const auto cells = Store(folder / "a.db", Access::Read).cells();
  REQUIRE(cells.size() == 1);
  CHECK(*cells[0].run == *made.run);
  CHECK(static_cast<const CellKey&>(cells[0].cell) == static_cast<const CellKey&>(made.cell));
  CHECK(cells[0].cell.suite == "made_suite");
  CHECK(cells[0].cell.arm == "AdaKV");
  CHECK(cells[0].cell.plugins == made.cell.plugins);
  REQUIRE(cells[0].measurements.size() == 4);
  CHECK(cells[0].measurements[0] == made.measurements[0]);
  CHECK(cells[0].measurements[1] == made.measurements[1]);
  CHECK(cells[0].measurements[2] == made.measurements[3]);  // by name
  CHECK(cells[0].measurements[3] == made.measurements[2]);
}

TEST_CASE("a cell is counted once, whoever measures it again") {
  const ResultFolder folder;
  Store store(folder / "a.db", Access::Write);
  DoneCell made = made_cell(made_arms()[0], 0.5, 1);
  CHECK(store.add(*made.run, made.cell, made.measurements));
  const std::string before = table_of(folder / "a.db");
  made.measurements[1].value = 99;
  made.cell.arm = "another name";
  CHECK_FALSE(store.add(*made_run("later"), made.cell, made.measurements));
  CHECK(table_of(folder / "a.db") == before);
  made.cell.seed = 1;  // each part of the key makes another cell
  CHECK(store.add(*made.run, made.cell, made.measurements));
  made.cell.question_aware = true;
  CHECK(store.add(*made.run, made.cell, made.measurements));
  made.cell.data_hash = "other";
  CHECK(store.add(*made.run, made.cell, made.measurements));
  made.cell.budget = 0.5000001;
  CHECK(store.add(*made.run, made.cell, made.measurements));
  CHECK(store.cells().size() == 5);
}

TEST_CASE("a cell that cannot be written whole is not there") {
  const ResultFolder folder;
  Store store(folder / "a.db", Access::Write);
  DoneCell made = made_cell(made_arms()[0], 0.5, 1);
  made.measurements[2].value = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(store.add(*made.run, made.cell, made.measurements),
                    Contains("top1 of task perplexity, case segment 1, SnapKV is NaN"));
  CHECK_FALSE(store.has(made.cell));
  made.measurements[2] = made.measurements[1];
  CHECK_THROWS_WITH(store.add(*made.run, made.cell, made.measurements),
                    Contains("found the metric 'nll' twice"));
  CHECK_FALSE(store.has(made.cell));
  const std::vector<DoneCell> both = {made_cell(made_arms()[0], 0.25, 1), made};
  CHECK_THROWS(store.add_all(both));
  CHECK(store.cells().empty());
  made.measurements.clear();  // nothing to measure in it, and done
  CHECK(store.add(*made.run, made.cell, made.measurements));
  CHECK(store.has(made.cell));
}

TEST_CASE("cells are chosen by suite, task, model and metric") {
  const ResultFolder folder;
  Store store(folder / "a.db", Access::Write);
  auto cells = made_cells(1);
  cells[0].cell.suite = "other";
  cells[0].cell.suite_hash = "abcdef";
  cells[1].cell.task = "needle";
  store.add_all(cells);
  CHECK(store.cells({.suite = "other"}).size() == 1);
  CHECK(store.cells({.suite = "abcd"}).size() == 1);
  CHECK(store.cells({.suite = "made_suite", .task = "perplexity"}).size() == 8);
  CHECK(store.cells({.model = "made"}).size() == 10);
  CHECK(store.cells({.model = "unmade"}).empty());
  const auto top = store.cells({.task = "needle", .metric = "top1"});
  REQUIRE(top.size() == 1);
  REQUIRE(top[0].measurements.size() == 1);
  CHECK(top[0].measurements[0].metric == "top1");
}

TEST_CASE("the order of a table does not depend on the order of measuring") {
  const ResultFolder folder;
  auto cells = made_cells();
  Store(folder / "a.db", Access::Write).add_all(cells);
  std::reverse(cells.begin(), cells.end());
  Store(folder / "b.db", Access::Write).add_all(cells);
  CHECK(table_of(folder / "a.db") == table_of(folder / "b.db"));
}
