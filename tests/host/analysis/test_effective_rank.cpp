// SPDX-License-Identifier: Apache-2.0
// tests/golden/analysis/effective_rank.json is written by tests/oracle/effective_rank_golden.py.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "analysis/effective_rank.hpp"
#include "base/json_file.hpp"
#include "checks.hpp"

using namespace kvhost;
using namespace kvhost::analysis;
using nlohmann::json;

namespace {

json golden() {
  return read_json(KVHOST_TEST_DATA "/golden/analysis/effective_rank.json", ExitCode::CannotLoad);
}

at::Tensor map_of(const json& row) {
  return at::tensor(row["values"].get<std::vector<double>>(), at::kDouble)
      .reshape({row["shape"][0].get<int64_t>(), row["shape"][1].get<int64_t>()});
}

}  // namespace

TEST_CASE("effective ranks and entropies are NumPy's in float64") {
  const json all = golden();
  REQUIRE(all["maps"].size() >= 10);
  for (const auto& row : all["maps"]) {
    CAPTURE(row["name"].get<std::string>());
    const at::Tensor map = map_of(row);
    const double rank = row["effective_rank"], entropy = row["row_entropy"];
    CHECK(effective_rank(map) == Approx(rank).epsilon(1e-9));
    CHECK(mean_row_entropy(map) == Approx(entropy).epsilon(1e-9).margin(1e-12));
    // As maps come: in float32, computed in float64.
    CHECK(effective_rank(map.to(at::kFloat)) == Approx(rank).epsilon(1e-5));
  }
}

TEST_CASE("singular values that do not count, and none that do") {
  const json all = golden();
  for (const auto& row : all["spectra"])
    CHECK(rank_of_spectrum(row["values"].get<std::vector<double>>()) ==
          Approx(row["rank"].get<double>()).epsilon(1e-12).margin(1e-15));
  CHECK(rank_of_spectrum({}) == 0);
  const at::Tensor nothing = at::zeros({5, 5});
  CHECK(effective_rank(nothing) == 0);
}

TEST_CASE("heads become one number in five ways") {
  const std::vector<std::string> ways = {"mean", "per_head", "median", "max", "min"};
  CHECK(aggregations() == ways);
  const std::vector<double> heads = {0.5, 0.1, 0.2, 0.4};
  CHECK(aggregate("per_head", heads) == Approx(0.3));
  CHECK(aggregate("median", heads) == Approx(0.3));
  CHECK(aggregate("max", heads) == 0.5);
  CHECK(aggregate("min", heads) == 0.1);
}
