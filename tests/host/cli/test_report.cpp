// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "measure/report_json.hpp"
#include "report/printers.hpp"
#include "report/table.hpp"

namespace kvhost::test {

namespace {

RunReport example(int64_t n_layers, int64_t n_kv_heads) {
  RunReport report;
  report.model.n_layers = n_layers;
  report.model.n_kv_heads = n_kv_heads;
  report.press_spec = "outer:inner";
  report.budget.entries_per_head = 25;
  report.budget.entries_total = 25 * n_layers * n_kv_heads;
  report.n_prompt_tokens = 100;
  report.run.tokens = {1, 2, 3};
  report.run.memory.cache_bytes_full = 4000;
  report.run.memory.cache_bytes_kept = 1000;
  for (int64_t l = 0; l < n_layers; ++l)
    report.layers.push_back({25 * n_kv_heads,
                             std::vector<int64_t>(static_cast<size_t>(n_kv_heads), 25),
                             std::numeric_limits<double>::quiet_NaN()});
  return report;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string picture(const RunReport& report, const Ink& ink) {
  std::ostringstream out;
  print_picture(out, ink, report);
  return out.str();
}

}  // namespace

TEST_CASE("the report has every key of the schema") {
  const nlohmann::json json = to_json(example(2, 4));
  CHECK(json.at("schema") == 1);
  for (const char* key : {"kvhost",
                          "model",
                          "press",
                          "budget",
                          "n_prompt_tokens",
                          "n_new_tokens",
                          "tokens",
                          "text",
                          "finish_reason",
                          "timings",
                          "memory",
                          "layers",
                          "full",
                          "warnings"})
    CHECK(json.contains(key));
  CHECK(json.at("n_new_tokens") == 3);
  CHECK(json.at("full").is_null());
  CHECK(json.at("layers").size() == 2);
  CHECK(json.at("layers")[1].at("n_kept") == std::vector<int64_t>{25, 25, 25, 25});
  CHECK_FALSE(json.at("layers")[0].contains("observed"));
  for (const char* key : {"load_ms",
                          "prefill_ms",
                          "score_ms",
                          "allocate_ms",
                          "select_ms",
                          "compact_ms",
                          "ttft_ms",
                          "decode_ms",
                          "tpot_ms",
                          "tokens_per_s"})
    CHECK(json.at("timings").contains(key));
}

TEST_CASE("what was observed is a number, or null where nothing was") {
  RunReport report = example(2, 1);
  report.observed_name = "rank";
  report.layers[0].observed = 7.5;
  const nlohmann::json layers = to_json(report).at("layers");
  CHECK(layers[0].at("observed") == 7.5);
  CHECK(layers[1].at("observed").is_null());
}

TEST_CASE("agreement stands under the full run") {
  RunReport report = example(1, 1);
  report.full = report.run;
  report.agreement = Agreement{3, 1.5, 1.25, 0.1, 0.9};
  CHECK(to_json(report).at("full").at("agreement").at("top1") == 0.9);
  CHECK(to_json(report).at("full").at("tokens") == std::vector<int32_t>{1, 2, 3});
}

TEST_CASE("the picture fits its width and bins what does not") {
  const Ink plain{false, 80};
  for (const auto& [n_layers, n_heads, n_rows] :
       {std::tuple<int, int, size_t>{6, 4, 6}, {32, 8, 32}, {64, 64, 32}, {33, 1, 17}}) {
    RunReport report = example(n_layers, n_heads);
    report.observed_name = "effective_rank";
    for (auto& layer : report.layers) layer.observed = 512.25;
    const auto lines = lines_of(picture(report, plain));
    CHECK(lines.size() == n_rows + 3);  // an empty line, the title, the head
    for (const auto& line : lines) CHECK(shown_width(line) <= 80);
    CHECK_THAT(lines.back(), Catch::Matchers::Contains("25"));
  }
}

TEST_CASE("the picture fits narrow terminals too") {
  for (const int columns : {30, 40, 50, 60, 120}) {
    for (const int n_heads : {1, 8, 64}) {
      RunReport report = example(12, n_heads);
      report.observed_name = "rank";
      for (auto& layer : report.layers) layer.observed = 512.25;
      auto lines = lines_of(picture(report, Ink{true, columns}));
      lines.erase(lines.begin(), lines.begin() + 2);  // an empty line, the title
      CHECK(lines.size() == 13);
      for (const auto& line : lines) CHECK(shown_width(line) <= static_cast<size_t>(columns));
    }
  }
}

TEST_CASE("without colour there are no escape sequences, with it there are") {
  const RunReport report = example(3, 2);
  std::ostringstream plain;
  print_report(plain, Ink{false, 80}, report);
  CHECK(plain.str().find('\033') == std::string::npos);
  CHECK(picture(report, Ink{true, 80}).find("\033[48;5;") != std::string::npos);
}

TEST_CASE("with colour the picture says the same numbers") {
  RunReport report = example(6, 4);
  for (size_t l = 0; l < 6; ++l) report.layers[l].n_kept[1] = static_cast<int64_t>(l * 20);
  const std::string coloured = picture(report, Ink{true, 80});
  CHECK_THAT(coloured, Catch::Matchers::Contains("m80\033[0m"));
  CHECK_THAT(coloured, Catch::Matchers::Contains("m##\033[0m"));
  CHECK(std::regex_replace(coloured, std::regex("\033\\[[0-9;]*m"), "") ==
        picture(report, Ink{false, 80}));
}

TEST_CASE("bars are ASCII where the locale is not UTF-8") {
  RunReport report = example(3, 2);
  report.observed_name = "rank";
  for (auto& layer : report.layers) layer.observed = 5;
  const auto ascii = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
  };
  CHECK(ascii(picture(report, Ink{true, 80, false})));
  CHECK_FALSE(ascii(picture(report, Ink{true, 80, true})));
}

TEST_CASE("the comparison holds both columns and where the texts part") {
  RunReport report = example(1, 1);
  CHECK(report.full == std::nullopt);
  report.full = report.run;
  report.full->tokens = {1, 2, 9};
  report.full->memory.cache_bytes_kept = 4000;
  report.agreement = Agreement{3, 1.5, 1.25, 0.1, 0.9};
  std::ostringstream out;
  print_comparison(out, Ink{false, 80}, report);
  CHECK_THAT(out.str(),
             Catch::Matchers::Contains("4.0 kB") && Catch::Matchers::Contains("1.0 kB") &&
                 Catch::Matchers::Contains("0.25x") && Catch::Matchers::Contains("90.0%") &&
                 Catch::Matchers::Contains("agree for 2 of 3 tokens"));
}

TEST_CASE("widths count what a terminal shows") {
  CHECK(shown_width("\033[1mab\033[0m") == 2);
  CHECK(shown_width("é█") == 2);
  CHECK(pad_left("é", 3) == "  é");
}

}  // namespace kvhost::test
