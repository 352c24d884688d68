// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.hpp"
#include "made_cells.hpp"
#include "results/summary.hpp"

using Catch::Contains;
using Catch::Matchers::WithinAbs;
using namespace kvhost::results;
using namespace kvhost::test;

namespace {

const Line& find_line(const std::vector<Line>& lines,
                      const std::string& arm,
                      double budget,
                      const std::string& metric) {
  for (const auto& line : lines)
    if (line.arm == arm && line.budget == budget && line.metric == metric) return line;
  FAIL("no line of " << arm);
  return lines.front();
}

double nll(const DoneCell& done) { return done.measurements[1].value; }

}  // namespace

TEST_CASE("a line holds mean, interval, bytes and the paired difference from the full cache") {
  const auto lines = summarise(made_cells(8));
  CHECK(lines.size() == 2 * 10);  // the bytes have no lines of their own
  const Line& line = find_line(lines, "AdaKV", 0.25, "nll");
  std::vector<double> values, differences;
  for (int i = 0; i < 8; ++i) {
    const double value = nll(made_cell(made_arms()[1], 0.25, i));
    values.push_back(value);
    differences.push_back(value - nll(made_cell({"full", "none", 0}, 1, i)));
  }
  CHECK(line.value.n == 8);
  CHECK_THAT(line.value.mean, WithinAbs(interval_of(values).mean, 1e-12));
  CHECK_THAT(line.value.half, WithinAbs(interval_of(values).half, 1e-12));
  REQUIRE(line.difference);
  CHECK_THAT(line.difference->mean, WithinAbs(interval_of(differences).mean, 1e-12));
  CHECK_THAT(line.difference->half, WithinAbs(interval_of(differences).half, 1e-12));
  CHECK(line.difference->half < line.value.half / 10);  // why one pairs
  CHECK(line.bytes == 250000);
  CHECK(line.unit == "nats");
  CHECK(line.better == Better::Lower);
  const Line& full = find_line(lines, "full", 1, "nll");
  CHECK(full.is_baseline);
  CHECK_FALSE(full.difference);
}

TEST_CASE("only cases that both have are paired") {
  auto cells = made_cells(6);
  std::erase_if(cells, [](const DoneCell& done) {
    return done.cell.arm == "full" &&
           (done.cell.case_id == "segment 0" || done.cell.case_id == "segment 3");
  });
  const auto lines = summarise(cells);
  const Line& line = find_line(lines, "SnapKV", 0.5, "nll");
  CHECK(line.value.n == 6);
  REQUIRE(line.difference);
  CHECK(line.difference->n == 4);
}

TEST_CASE("seeds are averaged within a case, and count where there is one case") {
  std::vector<DoneCell> cells;
  for (int i = 0; i < 3; ++i)
    for (int seed = 0; seed < 5; ++seed) cells.push_back(made_cell(made_arms()[0], 0.5, i, seed));
  CHECK(find_line(summarise(cells), "SnapKV", 0.5, "nll").value.n == 3);
  cells.resize(5);
  CHECK(find_line(summarise(cells), "SnapKV", 0.5, "nll").value.n == 5);
}

TEST_CASE("a named baseline takes the place of the full cache") {
  const auto lines = summarise(made_cells(4), {.baseline = "SnapKV"});
  const Line& line = find_line(lines, "AdaKV", 0.125, "nll");
  REQUIRE(line.difference);
  double expected = 0;  // at the same budget
  for (int i = 0; i < 4; ++i)
    expected +=
        (nll(made_cell(made_arms()[1], 0.125, i)) - nll(made_cell(made_arms()[0], 0.125, i))) / 4;
  CHECK_THAT(line.difference->mean, WithinAbs(expected, 1e-12));
  CHECK_FALSE(find_line(lines, "SnapKV", 0.125, "nll").difference);
  CHECK_THROWS_WITH(summarise(made_cells(1), {.baseline = "SnapK"}),
                    Contains("--baseline") && Contains("did you mean 'SnapKV'"));
}

TEST_CASE("questions seen and unseen stand apart, the full cache serves both") {
  auto cells = made_cells(3);
  auto aware = cells;
  for (auto& done : aware) done.cell.question_aware = true;
  std::erase_if(aware, [](const DoneCell& done) { return done.cell.arm == "full"; });
  cells.insert(cells.end(), aware.begin(), aware.end());
  int n_aware = 0;
  for (const auto& line : summarise(cells, {.metric = "nll"}))
    if (line.question_aware) {
      ++n_aware;
      REQUIRE(line.difference);
      CHECK(line.difference->n == 3);
    }
  CHECK(n_aware == 9);
}
