// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "made_cells.hpp"
#include "results/merge.hpp"

using namespace kvhost::results;
using namespace kvhost::test;

TEST_CASE("two halves merged are the whole, in whatever order and how often") {
  const ResultFolder folder;
  auto cells = made_cells();
  const size_t half = cells.size() / 2;
  const std::vector<DoneCell> one(cells.begin(), cells.begin() + half + 3);  // they overlap
  const std::vector<DoneCell> other(cells.begin() + half, cells.end());
  Store(folder / "whole.db", Access::Write).add_all(cells);
  Store out(folder / "out.db", Access::Write);
  const Merged first = merge(out, other);
  CHECK(first.n_new == static_cast<int64_t>(other.size()));
  const Merged second = merge(out, one);
  CHECK(second.n_new == static_cast<int64_t>(half));
  CHECK(second.n_same == 3);
  CHECK(second.n_other == 0);
  CHECK(merge(out, one).n_new == 0);
  CHECK(table_of(folder / "out.db") == table_of(folder / "whole.db"));
}

TEST_CASE("a cell that two files tell differently is told, and the first stays") {
  const ResultFolder folder;
  Store out(folder / "out.db", Access::Write);
  auto cells = made_cells(1);
  merge(out, cells);
  const std::string before = table_of(folder / "out.db");
  cells[2].measurements[1].value += 1;
  const Merged again = merge(out, cells);
  CHECK(again.n_new == 0);
  CHECK(again.n_other == 1);
  CHECK(again.n_same == static_cast<int64_t>(cells.size()) - 1);
  CHECK(table_of(folder / "out.db") == before);
}
