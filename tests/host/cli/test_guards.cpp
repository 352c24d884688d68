// SPDX-License-Identifier: Apache-2.0
// The table of docs/guards.md: every function of a plugin, by everything that can go wrong in it.
// Each cell is a run of the program that ends with exit code 4 and one line, which names method,
// function and library.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <set>

#include "program.hpp"

namespace kvhost::test {

namespace {

// What calls a function: a run, calibrate, a chat that saves its cache when something was cut, and loads it, or what a
// server does to a sequence (turning_back.cpp).
enum class By { Run, Calibrate, Chat, Server };

// A function as KVHOST_ZOO names it, a composition that calls it, and what errors call it.
struct Row {
  std::string function, press, named;
  By by = By::Run;
};

const std::vector<Row> kRows = {{"constructor", "zoo_scorer", "the constructors"},
                                {"open", "zoo_scorer", "open()"},
                                {"method", "zoo_scorer", "method()"},
                                {"create", "zoo_scorer", "create()"},
                                {"needs", "zoo_scorer", "needs()"},
                                {"begin", "zoo_scorer", "begin()"},
                                {"score", "zoo_scorer", "score()"},
                                {"part", "zoo_scorer", "score()"},
                                {"score", "zoo_wrapper:knorm", "score()"},
                                {"extension", "zoo_scorer", "extension()"},
                                {"entries_per_head", "zoo_scorer", "entries_per_head()"},
                                {"when", "zoo_heads:knorm", "when()"},
                                {"observe", "zoo_heads:knorm", "observe()"},
                                {"allocate", "zoo_heads:knorm", "allocate()"},
                                {"when", "zoo_layers:knorm", "when()"},
                                {"observe", "zoo_layers:knorm", "observe()"},
                                {"allocate", "zoo_layers:knorm", "allocate()"},
                                {"edit", "zoo_press:knorm", "edit()"},
                                {"after_compact", "zoo_scorer", "after_compact()"},
                                {"cost", "zoo_passes", "cost()"},
                                {"next", "zoo_passes", "next()"},
                                {"columns", "zoo_passes", "observe()"},
                                {"n_tokens", "zoo_draft", "n_tokens()"},
                                {"cut", "zoo_draft", "cut()"},
                                {"drafted", "zoo_draft", "observe()"},
                                {"get", "zoo_appendix", "get()"},
                                {"biases", "zoo_biases:knorm", "edit()"},
                                {"save", "zoo_states", "save()", By::Chat},
                                {"load", "zoo_states", "load()", By::Chat},
                                {"copy", "zoo_states", "copy()", By::Server},
                                {"truncate", "zoo_states", "truncate()", By::Server},
                                {"text", "zoo_calibrated", "observe()", By::Calibrate},
                                {"finish", "zoo_calibrated", "finish()", By::Calibrate},
                                {"end", "zoo_scorer", "end()"},
                                {"destroy", "zoo_scorer", "destroy()"}};

struct Cell {
  Row row;
  std::string failure, says;
  std::vector<std::string> flags = {};
};

struct Result {
  Outcome outcome;
  std::vector<std::string> files;
};

// What is written where nothing goes wrong.
std::vector<std::string> files_of(By by) {
  if (by == By::Server) return {};
  return {by == By::Run ? "report.json" : by == By::Chat ? "kept.safetensors" : "learned.safetensors"};
}

std::vector<std::string> arguments_of(const Cell& cell) {
  const std::string& press = cell.row.press;
  const std::vector<std::string> shared = {
      "--model", "tiny", "--plugin-path", KVHOST_TEST_ZOO, "--threads", "2"};
  std::vector<std::string> args;
  if (cell.row.by == By::Run)
    args = {"run", "--press", press, "-p", "Once upon a time there was a child", "--min-entries", "0", "-n",
            cell.failure == "thread" ? "64" : "4",  // it needs a moment
            "--json", "report.json"};
  else if (cell.row.by == By::Calibrate)
    args = {"calibrate", press, "--data", KVHOST_SOURCE_DIR "/bench/texts/alice_1_2.txt", "--max-texts", "2", "--text-tokens",
            "50", "--out", "learned.safetensors"};
  else
    args = {"chat", "-p", "Once upon a time", "--press", "none", "--decode-press", press, "--decode-every", "2", "--decode-budget", "4", "-n", "8"};
  args.insert(args.end(), shared.begin(), shared.end());
  args.insert(args.end(), cell.flags.begin(), cell.flags.end());
  return args;
}

Outcome outcome_of(const Cell& cell, const std::filesystem::path& folder) {
  const std::string deadline = cell.failure == "hang" ? "0.5" : "60";
  const std::map<std::string, std::string> environment = {
      {"KVHOST_ZOO", cell.row.function + "/" + cell.failure},
      {"OMP_WAIT_POLICY", "passive"},
      {"KVHOST_PLUGIN_DEADLINE", deadline}};
  if (cell.row.by == By::Server)
    return run_other(
        {KVHOST_TURNING_BACK, KVHOST_TEST_ZOO, KVHOST_SOURCE_DIR "/models/tiny", cell.row.press, deadline}, folder, environment);
  const bool chat = cell.row.by == By::Chat;
  return run_program(arguments_of(cell),
                     folder,
                     environment,
                     /*signal_after_output=*/0,
                     chat ? "there was a child\n/save kept.safetensors\n/load kept.safetensors\n" : "");
}

Result run_cell(const Cell& cell) {
  const Scratch scratch;
  Result result;
  result.outcome = outcome_of(cell, scratch.folder());
  result.files = scratch.files();
  return result;
}

// Two at a time, as many as CI has processors; checked here, since Catch2 knows one thread only.
std::vector<Result> run_all(const std::vector<Cell>& cells) {
  std::vector<Result> results(cells.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < cells.size(); i = next++) results[i] = run_cell(cells[i]);
  };
  auto other = std::async(std::launch::async, work);
  work();
  other.get();
  return results;
}

void check_line(const Cell& cell, const Outcome& outcome) {
  const std::string method = cell.row.press.substr(0, cell.row.press.find(':'));
  CHECK(outcome.exit_code == 4);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK_THAT(outcome.err, Catch::StartsWith("kvhost: error: " + method));
  CHECK_THAT(outcome.err, Catch::Contains(cell.says));
  const std::string library = KVHOST_TEST_ZOO "/libzoo_table.so";
  CHECK_THAT(outcome.err, Catch::Contains(cell.row.named + " of " + library));
}

void check_all(const std::vector<Cell>& cells) {
  const auto results = run_all(cells);
  for (size_t i = 0; i < cells.size(); ++i) {
    INFO(cells[i].row.press << ", " << cells[i].row.function << "/" << cells[i].failure << ": "
                            << results[i].outcome.err);
    check_line(cells[i], results[i].outcome);
    const std::string& function = cells[i].row.function;
    if (function == "end" || function == "destroy") continue;  // called when all is written
    const bool saved = function == "load";  // what was saved before stays
    CHECK(results[i].files == (saved ? files_of(By::Chat) : std::vector<std::string>{}));
  }
}

void check_column(const std::string& failure,
                  const std::string& says,
                  const std::vector<std::string>& flags = {}) {
  std::vector<Cell> cells;
  for (const Row& row : kRows)
    if (flags.empty() || row.by != By::Server) cells.push_back({row, failure, says, flags});  // has no flags
  check_all(cells);
}

}  // namespace

TEST_CASE("without a failure the zoo runs") {
  std::set<std::string> presses;
  for (const Row& row : kRows) {
    if (row.by != By::Server && !presses.insert(row.press).second) continue;
    const Result good = run_cell({row, "none", ""});
    INFO(row.press << ": " << good.outcome.err);
    CHECK(good.outcome.exit_code == 0);
    CHECK(good.files == files_of(row.by));
  }
}

TEST_CASE("a crash in any function is one line") { check_column("crash", "crashed with SIGSEGV"); }

TEST_CASE("abort() in any function is one line") { check_column("abort", "aborted (SIGABRT)"); }

TEST_CASE("a hang in any function is one line") { check_column("hang", "did not return in time"); }

TEST_CASE("exit() in any function is one line") { check_column("exit", "called exit(0)"); }

TEST_CASE("quick_exit() in any function is one line") {
  check_column("quick_exit", "called quick_exit()");
}

TEST_CASE("an exception out of any function is one line") {
  check_column("throw", "thrown in the zoo");
}

TEST_CASE("a stack that is used up in any function is one line") {
  check_column("overflow", "(its stack is used up)");
}

TEST_CASE("a floating-point trap in any function is one line") {
  check_column("trap", "crashed with SIGFPE");
}

TEST_CASE("a thread that throws after any function returned is one line") {
  std::vector<Cell> cells;
  for (const Row& row : kRows)
    cells.push_back({row, "thread", "threw 'thrown on a thread of the zoo'"});
  const auto results = run_all(cells);
  for (size_t i = 0; i < cells.size(); ++i) {
    const Outcome& outcome = results[i].outcome;
    INFO(cells[i].row.press << ", " << cells[i].row.function << ": " << outcome.err);
    CHECK(outcome.exit_code == 4);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    // The last function that was called: by then it may be another one.
    CHECK_THAT(outcome.err,
               Catch::StartsWith("kvhost: error: ") && Catch::Contains(cells[i].says));
    CHECK_THAT(outcome.err, Catch::Contains(" of ") && Catch::Contains(".so;"));
  }
}

TEST_CASE("with --isolate, ends that no process can tell of itself are one line") {
  check_column("_exit", "ended with exit code 0 and without a word", {"--isolate"});
  const std::vector<std::string> flags = {"--isolate"};
  std::vector<Cell> cells;
  for (const Row& row : kRows) {
    if (row.function != "constructor" && row.function != "score" && row.function != "destroy")
      continue;
    cells.push_back({row, "kill", "was killed with SIGKILL", flags});
    cells.push_back({row, "own_handler", "was killed with SIGSEGV", flags});
  }
  check_all(cells);
}

TEST_CASE("with --isolate the rest is as without") {
  for (const char* failure : {"none", "crash", "hang", "cancel"}) {
    Cell cell{{"score", "zoo_scorer", "score()"}, failure, ""};
    const Outcome plain = run_cell(cell).outcome;
    cell.flags = {"--isolate"};
    const Outcome isolated = run_cell(cell).outcome;
    INFO(failure << ": " << isolated.err);
    CHECK(plain.exit_code == isolated.exit_code);
    CHECK(plain.err == isolated.err);
  }
}

}  // namespace kvhost::test
