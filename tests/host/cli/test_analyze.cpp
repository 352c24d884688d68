// SPDX-License-Identifier: Apache-2.0
// `kvhost analyze` from outside.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using nlohmann::json;
using namespace kvhost::test;

namespace {

constexpr const char* kSuite = R"json({
  "analysis": {
    "files": "alice.txt", "texts": 2, "lengths": [32, 64], "head_length": 32, "keep_ratio": 0.5,
    "profile": "rankkv(profile={profile}):knorm",
    "observers": [{"name": "all rows", "press": "rankkv(profile=none,rank_rows=64):knorm"}],
    "strategies": [{"name": "ranks", "press": "rankkv(profile={profile}):knorm"}, "knorm"]
  }
})json";

const std::string kModel = std::string(KVHOST_SOURCE_DIR) + "/models/tiny";

void write_suite(const Scratch& scratch) {
  scratch.write("s.json", kSuite);
  fs::create_symlink(KVHOST_SOURCE_DIR "/examples/suites/texts/alice.txt",
                     scratch.folder() / "alice.txt");
}

std::vector<std::string> words(std::vector<std::string> more = {}) {
  std::vector<std::string> all = {"analyze", "s.json", "--model", kModel, "--dtype", "float32"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Outcome analyze(const Scratch& scratch, std::vector<std::string> more = {}) {
  return run_program(words(std::move(more)), scratch.folder());
}

json read(const Scratch& scratch, const std::string& name) {
  std::ifstream in(scratch.folder() / name);
  return json::parse(in);
}

std::string bytes_of(const Scratch& scratch, const std::string& name) {
  std::ifstream in(scratch.folder() / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void check_refused(const Outcome& outcome, const std::string& says) {
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Contains("kvhost: error: ") && Contains(says));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("analyze prints tables, and JSON of all figures") {
  const Scratch scratch;
  write_suite(scratch);
  const Outcome text = analyze(scratch);
  INFO(text.err);
  REQUIRE(text.exit_code == 0);
  for (const char* part : {"Effective rank of each layer", "From heads to a layer",
                           "Rank against length", "Entries of each layer, 50.0% of 64 tokens",
                           "Does a layer's rank depend on the text?", "equal layers", "missed"})
    CHECK_THAT(text.out, Contains(part));
  const Outcome out = analyze(scratch, {"--json", "-"});
  REQUIRE(out.exit_code == 0);
  const json report = json::parse(out.out);
  CHECK(report["schema"] == 1);
  CHECK(report["suite"] == "s");
  CHECK(report["texts"].size() == 2);
  CHECK(report["files"][0]["sha256"].get<std::string>().size() == 64);
  const json& model = report["model"];
  const size_t n_layers = model["n_layers"], n_heads = model["n_heads"];
  CHECK_FALSE(model["weights_hash"].get<std::string>().empty());
  REQUIRE(report["lengths"].size() == 2);
  CHECK(report["lengths"][0]["head_ranks"].size() == n_layers);
  CHECK(report["lengths"][0]["head_ranks"][0].size() == n_heads);
  CHECK(report["lengths"][1]["head_ranks"].is_null());
  CHECK(report["lengths"][1]["texts"][1]["entropies"].size() == n_layers);
  CHECK(report["aggregations"].size() == 5);
  CHECK(report["strategies"][0]["entries"].size() == n_layers);
  const json& estimate = report["estimates"][0];
  CHECK(estimate["measured"] == true);
  CHECK(estimate["estimate_ms"].get<double>() > 0);
  CHECK(estimate["entries"].get<int64_t>() ==
        16 * static_cast<int64_t>(n_layers) * model["n_kv_heads"].get<int64_t>());
  CHECK(estimate["misplaced_share"].get<double>() < 0.01);
}

TEST_CASE("analyze gives the same figures again, but for times") {
  const Scratch scratch;
  write_suite(scratch);
  const auto figures = [&](const std::string& threads) {
    json report = json::parse(analyze(scratch, {"--json", "-", "--threads", threads}).out);
    for (auto& e : report["estimates"])
      for (const char* key : {"estimate_ms", "model_ms", "time_share", "reaches_goal"})
        e.erase(key);
    return report;
  };
  CHECK(figures("1") == figures("1"));
}

TEST_CASE("a written profile gives runs the budgets that were shown") {
  const Scratch scratch;
  write_suite(scratch);
  const Outcome out = analyze(scratch, {"--profile", "p.json", "--json", "a.json"});
  REQUIRE(out.exit_code == 0);
  CHECK_THAT(out.out, Contains("Effective rank"));
  const json profile = read(scratch, "p.json"), report = read(scratch, "a.json");
  CHECK(profile["schema"] == 1);
  CHECK(profile["ranks"] == report["lengths"][1]["mean"]);
  CHECK(profile["std"] == report["lengths"][1]["std"]);
  CHECK(profile["n_tokens"] == 64);
  CHECK(profile["model"]["weights_hash"] == report["model"]["weights_hash"]);
  CHECK(profile["files"] == report["files"]);
  const Outcome run = run_program(
      {"run", "--model", kModel, "--dtype", "float32", "-f", "alice.txt", "--max-prompt-tokens",
       "64", "--press", "rankkv(profile=p.json):snapkv", "--keep-ratio", "0.5", "--min-entries",
       "0", "-n", "0", "--dump-budgets", "b.json", "--quiet"},
      scratch.folder());
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  const json budgets = read(scratch, "b.json");
  for (size_t l = 0; l < profile["ranks"].size(); ++l) {
    CHECK(budgets["layers"][l]["budget"] == report["strategies"][0]["entries"][l]);
    CHECK(budgets["layers"][l]["observed"].get<double>() ==
          Approx(profile["ranks"][l].get<double>()));
  }
}

TEST_CASE("analyze takes texts, lengths and shares from flags") {
  const Scratch scratch;
  write_suite(scratch);
  scratch.write("mine.txt", bytes_of(scratch, "alice.txt").substr(3000, 4000));
  const Outcome out = analyze(scratch,
                              {"-f", "mine.txt", "--length", "40", "--length", "24", "--texts", "1",
                               "--head-length", "0", "--keep-ratio", "0.25", "--json", "-"});
  INFO(out.err);
  REQUIRE(out.exit_code == 0);
  const json report = json::parse(out.out);
  CHECK(report["texts"] == json::array({"mine.txt@0"}));
  CHECK(report["lengths"][0]["n_tokens"] == 24);
  CHECK(report["lengths"][1]["n_tokens"] == 40);
  CHECK(report["aggregations"].empty());
  CHECK(report["keep_ratio"] == 0.25);
}

TEST_CASE("the page of an analysis is one file that needs nothing else") {
  const Scratch scratch;
  write_suite(scratch);
  REQUIRE(analyze(scratch, {"-o", "a.html"}).exit_code == 0);
  const std::string page = bytes_of(scratch, "a.html");
  CHECK_THAT(page, Contains("<!DOCTYPE html>") && Contains("s on ") && Contains("</html>"));
  CHECK_THAT(page, !Contains("{{") && !Contains("href=\"http") && !Contains("src="));
  CHECK_THAT(page, Contains("equal layers") && Contains("class=\"grid\""));
  const Outcome none = run_program(words({"-o", "b.html"}), scratch.folder(),
                                   {{"KVHOST_GNUPLOT", "/no/such/gnuplot"}});
  REQUIRE(none.exit_code == 0);
  CHECK_THAT(bytes_of(scratch, "b.html"), Contains("gnuplot was not found"));
}

TEST_CASE("analyze refuses in one line, before any work") {
  const Scratch scratch;
  write_suite(scratch);
  const auto before = scratch.files();
  check_refused(run_program({"analyze", "qick"}, scratch.folder()), "did you mean 'quick'?");
  check_refused(run_program({"analyze", "leaderboard"}, scratch.folder()),
                "/analysis: is absent; expected what to analyse");
  check_refused(analyze(scratch, {"--length", "8"}), "--length: found '8'");
  check_refused(analyze(scratch, {"--texts", "0"}), "--texts: found '0'");
  check_refused(analyze(scratch, {"--keep-ratio", "2"}), "--keep-ratio: found '2'");
  check_refused(analyze(scratch, {"--profile", "no/p.json"}), "--profile: 'no/p.json'");
  check_refused(analyze(scratch, {"--json", "x", "-o", "x"}), "names 'x', which");
  check_refused(analyze(scratch, {"-f", "absent.txt"}), "absent.txt");
  check_refused(analyze(scratch, {"--length", "900000"}), "the model was made for");
  CHECK(scratch.files() == before);
  const Outcome list = run_program({"analyze", "--list"}, scratch.folder());
  CHECK(list.exit_code == 0);
  CHECK_THAT(list.out, Contains("rankkv_analysis ") && Contains("rankkv_figures "));
}

TEST_CASE("analyze stops at Ctrl-C and leaves no half file") {
  const Scratch scratch;
  write_suite(scratch);
  const auto before = scratch.files();
  const Outcome stopped = run_bash(
      "set -m; \"$KVHOST\" analyze s.json --model '" + kModel +
          "' --dtype float32 --texts 24 --length 512 --head-length 512 -o a.html --profile p.json "
          ">/dev/null 2>err & pid=$!; sleep 1; kill -TERM $pid; wait $pid; code=$?; cat err >&2; "
          "rm err; exit $code",
      scratch.folder());
  CHECK(stopped.exit_code == 130);
  CHECK_THAT(stopped.err, Contains("interrupted"));
  CHECK(scratch.files() == before);
}
