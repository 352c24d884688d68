// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "made_cells.hpp"
#include "report/csv_cells.hpp"
#include "report/results_places.hpp"
#include "report/results_tables.hpp"

using Catch::Contains;
using namespace kvhost;
using namespace kvhost::test;

namespace {

template <typename Writer>
std::string written(const Writer& writer) {
  std::ostringstream out;
  writer(out);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<results::Line> two_lines() {
  results::Line line;
  line.task = "copy_50%";
  line.metric = "nll";
  line.unit = "nats";
  line.better = results::Better::Lower;
  line.model = "made";
  line.suite = "quick";
  line.arm = "full";
  line.composition = "none";
  line.is_baseline = true;
  line.value = {16, 2.0, 0.4, 0.213};
  line.bytes = 2e6;
  results::Line other = line;
  other.arm = "a|b_c";
  other.composition = "x(a=1,b=2):y";
  other.budget = 0.125;
  other.is_baseline = false;
  other.value.mean = 2.04321;
  other.difference = results::Interval{16, 0.0432, 0.01, 0.00532};
  other.bytes = std::nan("");
  return {line, other};
}

}  // namespace

TEST_CASE("a mean has the digits that its interval leaves") {
  CHECK(mean_text(2.04321, 0.0123) == "2.043");
  CHECK(half_text(0.0123) == "0.012");
  CHECK(mean_text(1234.5, 67) == "1234");
  CHECK(half_text(67) == "67");
  CHECK(signed_text(0.5, 0.25) == "+0.50");
  CHECK(signed_text(-0.5, 0.25) == "-0.50");
  CHECK(mean_text(0.123456, std::nan("")) == "0.1235");
  CHECK(mean_text(INFINITY, 1) == "inf");
  CHECK(mean_text(std::nan(""), 1).empty());
  CHECK(share_text(0.125) == "12.5%");
}

TEST_CASE("lines as text") {
  const auto lines = two_lines();
  const std::string text = written([&](std::ostream& out) { print_results(out, Ink{}, lines); });
  CHECK_THAT(text, Contains("copy_50%: nll (nats, lower is better)\nsuite quick on made\n"));
  const auto rows = lines_of(text);
  CHECK_THAT(rows[3], Contains("full") && Contains("baseline") && Contains("2.0 MB"));
  CHECK_THAT(rows[4], Contains("12.5%") && Contains("+0.0432") && Contains("0.0053"));
}

TEST_CASE("lines as CSV keep every digit and quote what needs it") {
  const auto lines = two_lines();
  const auto rows = lines_of(written([&](std::ostream& out) { write_results_csv(out, lines); }));
  REQUIRE(rows.size() == 3);
  CHECK(rows[2] ==
        "copy_50%,nll,nats,lower,made,quick,a|b_c,\"x(a=1,b=2):y\",0.125,0,16,2.04321,0.4,0.213,16,"
        "0.0432,0.00532,,,,,");
  CHECK(csv_number(0.1 + 0.2) == "0.30000000000000004");
}

TEST_CASE("lines as Markdown and LaTeX escape what these read") {
  const auto lines = two_lines();
  const std::string markdown =
      written([&](std::ostream& out) { write_results_markdown(out, lines); });
  CHECK_THAT(markdown, Contains("| a\\|b\\_c | 12.5% | 2.04 ± 0.21 | +0.0432 ± 0.0053 | 16 |  |"));
  const std::string latex = written([&](std::ostream& out) { write_results_latex(out, lines); });
  CHECK_THAT(latex, Contains("\\caption{copy\\_50\\%: nll"));
  CHECK_THAT(latex,
             Contains("a|b\\_c & 12.5\\% & $2.04 \\pm 0.21$ & $+0.0432 \\pm 0.0053$ & 16 &  \\\\"));
  CHECK_THAT(latex, Contains("\\toprule") && Contains("\\bottomrule"));
}

TEST_CASE("lines and rows as JSON") {
  const auto lines = two_lines();
  const auto json =
      nlohmann::json::parse(written([&](std::ostream& out) { write_results_json(out, lines); }));
  CHECK(json["lines"][1]["difference"]["mean"] == 0.0432);
  CHECK(json["lines"][1]["cache_bytes_kept"].is_null());
  CHECK(json["lines"][0]["difference"].is_null());
  const auto cells = made_cells(2);
  const auto rows =
      nlohmann::json::parse(written([&](std::ostream& out) { write_rows_json(out, cells); }));
  REQUIRE(rows["rows"].size() == 3 * cells.size());
  CHECK(rows["rows"][1]["extra"]["n_tokens"] == 512);
  CHECK(rows["rows"][1]["cpu"] == "no CPU");
  const auto csv = lines_of(written([&](std::ostream& out) { write_rows_csv(out, cells); }));
  CHECK(csv.size() == 1 + 3 * cells.size());
  CHECK_THAT(csv[2], Contains(R"("{""n_tokens"": 512}")"));
}
