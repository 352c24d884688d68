// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "made_cells.hpp"
#include "program.hpp"
#include "results/store.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using namespace kvhost::test;
using kvhost::results::Access;
using kvhost::results::Store;

namespace {

// The two halves and the whole of cells that nobody measured.
void make_results(const Scratch& scratch) {
  const auto cells = made_cells(4);
  const std::span all(cells);
  Store(scratch.folder() / "results.db", Access::Write).add_all(all);
  Store(scratch.folder() / "one.db", Access::Write).add_all(all.first(25));
  Store(scratch.folder() / "two.db", Access::Write).add_all(all.subspan(20));
}

Outcome run(const Scratch& scratch, std::vector<std::string> words) {
  return run_program(words, scratch.folder());
}

}  // namespace

TEST_CASE("results list tells what a file holds") {
  const Scratch scratch;
  make_results(scratch);
  const Outcome text = run(scratch, {"results", "list"});
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Contains("made_suite") && Contains("5017e0") && Contains("120"));
  const Outcome json = run(scratch, {"results", "list", "--json", "-"});
  const auto suite = nlohmann::json::parse(json.out)["suites"][0];
  CHECK(suite["n_cells"] == 40);
  CHECK(suite["arms"] == nlohmann::json{"AdaKV", "SnapKV", "full", "window"});
}

TEST_CASE("results show gives tables for people and for programs") {
  const Scratch scratch;
  make_results(scratch);
  const Outcome text = run(scratch, {"results", "show", "--metric", "nll"});
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out,
             Contains("perplexity: nll (nats, lower is better)") && Contains("baseline") &&
                 Contains("125.0 kB"));
  CHECK(text.out.find("top1") == std::string::npos);
  const Outcome files = run(scratch,
                            {"results",
                             "show",
                             "--csv",
                             "a.csv",
                             "--markdown",
                             "a.md",
                             "--latex",
                             "a.tex",
                             "--json",
                             "-"});
  CHECK(files.exit_code == 0);
  CHECK(nlohmann::json::parse(files.out)["lines"].size() == 20);
  CHECK(scratch.files().size() == 3 + 3);
  const Outcome rows = run(scratch, {"results", "show", "--rows", "--suite", "5017"});
  CHECK(rows.exit_code == 0);
  CHECK(std::count(rows.out.begin(), rows.out.end(), '\n') == 1 + 120);
}

TEST_CASE("results merge joins files, and says what was there") {
  const Scratch scratch;
  make_results(scratch);
  const Outcome merged = run(scratch, {"results", "merge", "all.db", "one.db", "two.db"});
  CHECK(merged.exit_code == 0);
  CHECK_THAT(merged.out,
             Contains("one.db: 25 new cells, 0 there before") &&
                 Contains("two.db: 15 new cells, 5 there before"));
  CHECK(table_of(scratch.folder() / "all.db") == table_of(scratch.folder() / "results.db"));
  check_refused(run(scratch, {"results", "merge", "b.db", "one.db", "no.db"}), 2, "no.db: no such");
  CHECK_FALSE(fs::exists(scratch.folder() / "b.db"));
  check_refused(run(scratch, {"results", "merge", "b.db"}), 2, "merge OUT IN ...");
}

TEST_CASE("results import-kvpress puts kvpress's figures into the same table") {
  const Scratch scratch;
  make_results(scratch);
  const std::string folder = std::string(KVHOST_TEST_DATA) + "/golden/kvpress_results";
  const Outcome imported = run(scratch, {"results", "import-kvpress", folder});
  CHECK(imported.exit_code == 0);
  CHECK_THAT(imported.out, Contains("6 new cells"));
  const Outcome shown = run(scratch, {"results", "show"});
  CHECK_THAT(shown.out,
             Contains("ruler/vt: string_match (%, higher is better)") &&
                 Contains("snapkv (kvpress)") && Contains("-55.75") && Contains("AdaKV"));
}

TEST_CASE("report writes a page, or a folder of tables with it") {
  const Scratch scratch;
  make_results(scratch);
  const Outcome page =
      run_program({"report", "-o", "a.html"}, scratch.folder(), {{"KVHOST_GNUPLOT", "/none"}});
  CHECK(page.exit_code == 0);
  CHECK(page.out == "a.html\n");
  std::ifstream in(scratch.folder() / "a.html");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  CHECK_THAT(text, Contains("made_suite") && Contains("40 cells") && Contains("gnuplot-nox"));
  const Outcome folder = run_program(
      {"report", "--db", "one.db", "-o", "out"}, scratch.folder(), {{"KVHOST_GNUPLOT", "/none"}});
  CHECK(folder.exit_code == 0);
  CHECK(fs::exists(scratch.folder() / "out/results.tex"));
}

TEST_CASE("what results and report are asked wrongly is refused in one line") {
  const Scratch scratch;
  check_refused(run(scratch, {"results", "show"}), 2, "results.db: no such file");
  make_results(scratch);
  check_refused(run(scratch, {"results"}), 2, "expected list, show, merge, import-kvpress");
  check_refused(run(scratch, {"results", "shwo"}), 2, "did you mean 'show'");
  check_refused(run(scratch, {"results", "list", "x"}), 2, "found 'x' too");
  check_refused(run(scratch, {"results", "list", "--csv", "a"}), 2, "expected it with show");
  check_refused(
      run(scratch, {"results", "show", "--suite", "mad_suite"}), 2, "did you mean 'made_suite'");
  check_refused(run(scratch, {"results", "show", "--baseline", "Snap"}), 2, "--baseline");
  check_refused(run(scratch, {"results", "show", "--rows", "--latex", "a"}), 2, "--latex");
  check_refused(run(scratch, {"report"}), 2, "-o");
  check_refused(run(scratch, {"report", "-o", "no/where/a"}), 2, "no/where/a");
  scratch.write("text.db", "this is no database, and long enough to be sure of that");
  check_refused(run(scratch, {"results", "list", "--db", "text.db"}), 3, "is no SQLite file");
}
