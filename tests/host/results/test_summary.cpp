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

namespace {

DoneCell scored(const std::string& arm, const std::string& id, const std::string& metric, double v) {
  DoneCell done = made_cell({arm, arm == "full" ? "none" : "uniform:" + arm, 0}, 1, 0);
  done.cell.task = "ruler";
  done.cell.case_id = id;
  if (arm != "full") done.cell.budget = 0.5;
  done.measurements = {{metric, "", v, Better::Higher, ""}};
  return done;
}

}  // namespace

TEST_CASE("a benchmark of several tasks has a mean in which each task counts alike") {
  // Nine cases of one task beside three of another, in another metric.
  const std::vector<double> full = {1, 1, 1, 1, 0, 1, 1, 1, 1}, full_qa = {0.5, 1, 0};
  std::vector<DoneCell> cells;
  std::vector<double> a, b, da, db;
  for (size_t i = 0; i < full.size(); ++i) {
    const std::string id = "niah_single_2/4096/" + std::to_string(i);
    a.push_back(i % 3 == 0 ? 1 : 0.25);
    da.push_back(a.back() - full[i]);
    cells.push_back(scored("full", id, "string_match_all", full[i]));
    cells.push_back(scored("SnapKV", id, "string_match_all", a.back()));
  }
  for (size_t i = 0; i < full_qa.size(); ++i) {
    const std::string id = "qa_1/4096/" + std::to_string(i);
    b.push_back(0.25 * static_cast<double>(i));
    db.push_back(b.back() - full_qa[i]);
    cells.push_back(scored("full", id, "string_match_part", full_qa[i]));
    cells.push_back(scored("SnapKV", id, "string_match_part", b.back()));
  }
  const auto lines = summarise(cells);
  CHECK(lines.size() == 3 * 2);
  const Line& line = find_line(lines, "SnapKV", 0.5, "mean_of_tasks");
  CHECK(line.value.n == 12);
  CHECK(line.better == Better::Higher);
  CHECK_THAT(line.value.mean, WithinAbs((interval_of(a).mean + interval_of(b).mean) / 2, 1e-12));
  // Each task's own variance, and no more degrees of freedom than its smaller one has but one.
  const double va = std::pow(interval_of(a).sd, 2) / 9 / 4, vb = std::pow(interval_of(b).sd, 2) / 3 / 4;
  CHECK(line.value.half > 1.96 * std::sqrt(va + vb));
  CHECK(line.value.half < 4.31 * std::sqrt(va + vb));  // Student's t of two degrees
  REQUIRE(line.difference);
  CHECK_THAT(line.difference->mean, WithinAbs((interval_of(da).mean + interval_of(db).mean) / 2, 1e-12));
  CHECK(summarise(cells, {.metric = "mean_of_tasks"}).size() == 2);
}

TEST_CASE("no mean over tasks where there is one task, or none that a benchmark names") {
  std::vector<DoneCell> cells;
  for (int i = 0; i < 3; ++i) {
    cells.push_back(scored("SnapKV", "vt/1024/" + std::to_string(i), "string_match_all", 1));
    cells.push_back(scored("SnapKV", "mine/" + std::to_string(i), "string_match_all", 0));
  }
  for (const auto& line : summarise(cells)) CHECK(line.metric == "string_match_all");
  // One case of a task says nothing of its spread: a mean without an interval.
  cells.push_back(scored("SnapKV", "cwe/1024/0", "string_match_all", 0.5));
  const auto lines = summarise(cells, {.metric = "mean_of_tasks"});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].value.mean == 0.75);
  CHECK(std::isnan(lines[0].value.half));
}
