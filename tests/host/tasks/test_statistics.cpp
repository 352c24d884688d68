// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tasks/random.hpp"
#include "tasks/statistics.hpp"

using namespace kvhost;
using namespace kvhost::tasks;

namespace {

// By value: what a temporary holds does not outlive the head of a loop.
nlohmann::json golden(const char* part) {
  const auto all =
      read_json(KVHOST_TEST_DATA "/golden/tasks/statistics.json", ExitCode::CannotLoad);
  REQUIRE(all.at(part).size() >= 5);
  return all.at(part);
}

Approx near(const nlohmann::json& value) {
  return Approx(value.get<double>()).epsilon(1e-10).margin(1e-13);
}

void check(const Interval& ours, const nlohmann::json& theirs) {
  CHECK(ours.low == near(theirs[0]));
  CHECK(ours.high == near(theirs[1]));
}

}  // namespace

TEST_CASE("means, spreads, percentiles, correlations and intervals are NumPy's and SciPy's") {
  for (const auto& row : golden("pairs")) {
    const auto a = row["a"].get<std::vector<double>>(), b = row["b"].get<std::vector<double>>();
    CAPTURE(a.size());
    CHECK(mean(a) == near(row["mean"]));
    CHECK(standard_deviation(a) == near(row["standard_deviation"]));
    CHECK(median(a) == near(row["median"]));
    for (const auto& [percent, value] : row["percentiles"].items())
      CHECK(percentile(a, std::stod(percent)) == near(value));
    CHECK(pearson(a, b) == near(row["pearson"]));
    CHECK(spearman(a, b) == near(row["spearman"]));
    CHECK(cosine(a, b) == near(row["cosine"]));
    check(mean_interval(a), row["mean_interval"]);
    const auto apart = paired_difference(a, b, {row["seed"], row["n_resamples"]});
    CHECK(apart.n == static_cast<int64_t>(a.size()));
    CHECK(apart.mean == near(row["difference"]));
    CHECK(apart.p_value == near(row["p_value"]));
    check(apart.student_t, row["student_t"]);
    check(apart.bootstrap, row["bootstrap"]);
  }
}

TEST_CASE("Student's t is SciPy's, in the tails too") {
  for (const auto& row : golden("quantiles")) {
    CAPTURE(row.dump());
    CHECK(student_t_quantile(row[0], row[1]) ==
          Approx(row[2].get<double>()).epsilon(1e-8).margin(1e-12));
  }
  for (const auto& row : golden("below")) {
    CAPTURE(row.dump());
    CHECK(student_t_below(row[0], row[1]) == Approx(row[2].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("too few values give no figure rather than a wrong one") {
  const std::vector<double> none, one = {3}, same = {2, 2, 2};
  CHECK(std::isnan(mean(none)));
  CHECK(std::isnan(median(none)));
  CHECK(std::isnan(standard_deviation(one)));
  CHECK(std::isnan(mean_interval(one).low));
  CHECK(std::isnan(bootstrap_interval(one, {}).high));
  CHECK(std::isnan(pearson(same, same)));
  const auto apart = paired_difference(same, same, {});
  CHECK(apart.mean == 0);
  CHECK(apart.student_t.low == 0);
  CHECK(std::isnan(apart.p_value));
  CHECK_THROWS_WITH(paired_difference(one, same, {}), Catch::Contains("1 cases stand beside 3"));
}

TEST_CASE("random numbers are the generator's own, and samples hold each once") {
  Random random(42);
  for (const auto& bits : golden("bits"))
    CHECK(std::to_string(random.bits()) == bits.get<std::string>());
  for (const size_t n : {1, 7, 100}) {
    const auto all = random.sample(n, n);
    CHECK(std::set<size_t>(all.begin(), all.end()).size() == n);
    CHECK(*std::max_element(all.begin(), all.end()) == n - 1);
  }
  std::vector<int> hits(6, 0);
  for (int i = 0; i < 6000; ++i) ++hits[random.below(6)];
  for (const int n : hits) CHECK((n > 850 && n < 1150));
  CHECK(Random(1, "vt", 3).bits() == Random(1, "vt", 3).bits());
  std::set<uint64_t> firsts;
  for (const auto& [seed, name, number] :
       {std::tuple{1, "vt", 3}, {1, "vt", 4}, {2, "vt", 3}, {1, "cwe", 3}})
    firsts.insert(Random(seed, name, number).bits());
  CHECK(firsts.size() == 4);
}
