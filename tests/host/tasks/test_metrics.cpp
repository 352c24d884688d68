// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tasks/metrics.hpp"

using namespace kvhost;
using namespace kvhost::tasks;

TEST_CASE("every rule scores as the common Python packages and the benchmarks do") {
  const auto golden =
      read_json(KVHOST_TEST_DATA "/golden/tasks/metrics.json", ExitCode::CannotLoad);
  REQUIRE(golden.size() == metrics().size());
  for (const auto& [name, cases] : golden.items()) {
    CAPTURE(name);
    REQUIRE(cases.size() == 200);
    for (const auto& row : cases) {
      CAPTURE(row.dump());
      const double ours = score(name, row[0], row[1], {row[2]});
      CHECK(ours == Approx(row[3].get<double>()).margin(1e-12));
    }
  }
}

TEST_CASE("texts that are not UTF-8, long, or empty have a score") {
  const std::string broken = "caf\xC3 \xFF 12";
  for (const Metric& metric : metrics()) {
    const std::string reference = metric.name == "retrieval" ? "Paragraph 12" : "12";
    for (const std::string& prediction : {std::string(), broken, std::string(5000, 'x')}) {
      const double s = metric.score(prediction, {reference, reference}, {{"12"}});
      CHECK((s >= 0 && s <= 1));
    }
  }
}

TEST_CASE("a sentence of thousands of words has its ROUGE") {
  std::string longer, shorter;
  for (int i = 0; i < 3000; ++i) {
    longer += "w" + std::to_string(i) + " ";
    if (i % 2 == 0) shorter += "w" + std::to_string(i) + " ";
  }
  CHECK(score("rouge_l", shorter, {longer}) == Approx(2 * 0.5 / 1.5).margin(1e-7));
}

TEST_CASE("only what a secret leaks is better when it is low") {
  for (const Metric& metric : metrics())
    CHECK(metric.higher_is_better == (metric.name != "leakage"));
  CHECK(score("leakage", "I will not say.", {"The word is swordfish."}) < 0.2);
}

TEST_CASE("an unknown rule, no reference, no classes: one line that says so") {
  CHECK_THROWS_WITH(find_metric("rouge-l"),
                    Catch::Contains("rouge-l") && Catch::Contains("did you mean 'rouge_l'"));
  CHECK_THROWS_WITH(score("token_f1", "x", {}), Catch::Contains("token_f1"));
  CHECK_THROWS_WITH(score("classification", "x", {"x"}), Catch::Contains("classes"));
  CHECK_THROWS_WITH(score("retrieval", "x", {"page 3"}), Catch::Contains("page 3"));
}
