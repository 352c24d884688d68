// SPDX-License-Identifier: Apache-2.0
// `kvhost eval` from outside: killed, stopped, twice at once, on disks that take no more.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "base/error.hpp"
#include "program.hpp"
#include "results/store.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using namespace kvhost::test;
using kvhost::results::Access;
using kvhost::results::Store;

namespace {

// 54 cells, a few seconds on the tiny model.
constexpr const char* kSuite = R"({
  "arms": ["knorm", "streaming_llm", {"press": "random", "seeds": [0, 1]}],
  "budgets": [0.25, 0.5],
  "tasks": [{"kind": "likelihood", "name": "text", "files": "alice.txt", "segments": 6,
             "context": 192, "scored": 24}]
})";

const std::string kModel = std::string(KVHOST_SOURCE_DIR) + "/models/tiny";

void write_suite(const Scratch& scratch) {
  scratch.write("s.json", kSuite);
  fs::create_symlink(KVHOST_SOURCE_DIR "/examples/suites/texts/alice.txt",
                     scratch.folder() / "alice.txt");
}

std::vector<std::string> words(const std::string& db, std::vector<std::string> more = {}) {
  std::vector<std::string> all = {"eval",    "s.json",    "--model", kModel, "--dtype",
                                  "float32", "--threads", "1",       "--db", db};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Outcome eval(const Scratch& scratch, const std::string& db, std::vector<std::string> more = {}) {
  return run_program(words(db, std::move(more)), scratch.folder());
}

std::string command(const std::string& db) {
  std::string line = "\"$KVHOST\"";
  for (const auto& word : words(db)) line += " '" + word + "'";
  return line;
}

std::string rows_of(const Scratch& scratch, const std::string& db) {
  std::ostringstream out;
  out.precision(17);
  for (const auto& done : Store(scratch.folder() / db, Access::Read).cells())
    for (const auto& m : done.measurements)
      if (m.unit != "ms")
        out << done.cell.case_id << '|' << done.cell.arm << '|' << done.cell.budget << '|'
            << done.cell.seed << '|' << m.metric << '|' << m.value << '\n';
  return out.str();
}

// 0 of a file that holds nothing yet: a run may be killed while it makes its tables.
size_t n_cells(const Scratch& scratch, const std::string& db) {
  try {
    return Store(scratch.folder() / db, Access::Read).cells().size();
  } catch (const kvhost::Error& e) {
    REQUIRE(e.code() == kvhost::ExitCode::BadRequest);
    return 0;
  }
}

std::string bytes_of(const Scratch& scratch, const std::string& name) {
  std::ifstream in(scratch.folder() / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Starts an evaluation, waits until it has said what it will do, then `delay` seconds, then sends
// `signal`. Its exit code is that of the line.
std::string stop_after(const std::string& db, double delay, const std::string& signal) {
  return "set -m; : >err; " + command(db) +
         " >out 2>err & pid=$!\n"
         "for i in $(seq 600); do grep -q 'to measure' err && break; kill -0 $pid || break; sleep 0.01; done\n"
         "sleep " + std::to_string(delay) + "; kill -" + signal +
         " $pid; wait $pid; code=$?; tail -1 err >&2; exit $code";
}

// Starts an evaluation and kills it so many seconds later, if it still runs. Its output and exit code
// are those of the line.
std::string kill_after(const std::string& db, double seconds) {
  return "set -m; " + command(db) + " 2>err & pid=$!; sleep " + std::to_string(seconds) +
         "; kill -KILL $pid 2>/dev/null; wait $pid";
}

// KVHOST_KILLS says how many times.
int wanted_kills() {
  const char* given = std::getenv("KVHOST_KILLS");
  return given ? std::atoi(given) : 20;
}

}  // namespace

TEST_CASE("eval: killed at random moments, the table is that of an undisturbed run") {
  const Scratch scratch;
  write_suite(scratch);
  const auto start = std::chrono::steady_clock::now();
  const Outcome whole = eval(scratch, "whole.db");
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  REQUIRE(whole.exit_code == 0);
  CHECK_THAT(whole.err, Contains("54 cells, 54 to measure, about "));
  CHECK_THAT(whole.out, Contains("text: nll (nats, lower is better)") && Contains("streaming_llm"));
  REQUIRE(n_cells(scratch, "whole.db") == 54);

  const std::string wanted_rows = rows_of(scratch, "whole.db");
  std::mt19937 random(20261126);
  std::uniform_real_distribution<double> moment(0, 1.1 * seconds);
  int n_killed = 0, n_tables = 0;
  size_t most = 0;
  const auto check_table = [&](const Outcome& last) {
    CHECK(last.exit_code == 0);
    CHECK(rows_of(scratch, "k.db") == wanted_rows);
    CHECK(last.out == whole.out);  // the table of summaries
    fs::remove(scratch.folder() / "k.db");
    most = 0;
    ++n_tables;
  };
  while (n_killed < wanted_kills()) {
    const Outcome killed = run_bash(kill_after("k.db", moment(random)), scratch.folder());
    if (killed.exit_code != 128 + 9) {  // it had ended
      check_table(killed);
      continue;
    }
    ++n_killed;
    const size_t n = fs::exists(scratch.folder() / "k.db") ? n_cells(scratch, "k.db") : 0;
    CHECK(n >= most);  // nothing that was there is lost
    most = n;
  }
  const Outcome rest = eval(scratch, "k.db");
  CHECK_THAT(rest.err, Contains("54 cells, " + std::to_string(54 - most) + " to measure"));
  check_table(rest);
  CHECK(scratch.files().size() == 4);  // suite, text, whole.db, err: nothing is left beside them
  WARN("eval: killed " << n_killed << " times, " << n_tables << " tables");
}

TEST_CASE("eval: a file that holds nothing yet is one where all is missing") {
  const Scratch scratch;
  write_suite(scratch);
  scratch.write("e.db", "");
  const Outcome dry = eval(scratch, "e.db", {"--dry-run"});
  CHECK(dry.exit_code == 0);
  CHECK_THAT(dry.err + dry.out, Contains("54 to measure"));
  const Outcome shown = run_program({"results", "show", "--db", "e.db"}, scratch.folder());
  check_refused(shown, 2, "holds nothing; expected results that kvhost eval wrote");
}

TEST_CASE("eval: Ctrl-C leaves what was measured and says how to go on") {
  const Scratch scratch;
  write_suite(scratch);
  const Outcome stopped = run_bash(stop_after("a.db", 0.1, "INT"), scratch.folder());
  CHECK(stopped.exit_code == 130);
  CHECK_THAT(stopped.err, Contains("interrupted; what was measured is in a.db, the same command "
                                   "goes on with it"));
  const size_t n = n_cells(scratch, "a.db");
  CHECK(n < 54);
  const Outcome left = eval(scratch, "a.db", {"--dry-run"});
  CHECK_THAT(left.err, Contains("54 cells, " + std::to_string(54 - n) + " to measure"));
}

TEST_CASE("eval: two at once on one file both end, and every cell is there once") {
  const Scratch scratch;
  write_suite(scratch);
  const Outcome both = run_bash(command("a.db") + " >o1 2>e1 & one=$!; " + command("a.db") +
                                    " >o2 2>e2 & two=$!; wait $one && wait $two",
                                scratch.folder());
  CHECK(both.exit_code == 0);
  CHECK(n_cells(scratch, "a.db") == 54);
  REQUIRE(eval(scratch, "b.db").exit_code == 0);
  CHECK(rows_of(scratch, "a.db") == rows_of(scratch, "b.db"));
  CHECK(bytes_of(scratch, "o1") == bytes_of(scratch, "o2"));
}

TEST_CASE("eval: a dry run and a refused suite write nothing") {
  const Scratch scratch;
  write_suite(scratch);
  const auto before = scratch.files();
  const Outcome dry = eval(scratch, "a.db", {"--dry-run"});
  CHECK(dry.exit_code == 0);
  CHECK(dry.out.empty());
  CHECK_THAT(dry.err, Contains("s on ") && Contains("54 cells, 54 to measure, about "));
  check_refused(eval(scratch, "a.db", {"--press", "knrom"}), 2, "--press 'knrom' in task 'text'");
  check_refused(eval(scratch, "a.db", {"--task", "txt"}), 2, "--task: found 'txt'");
  CHECK(scratch.files() == before);

  REQUIRE(eval(scratch, "a.db", {"--press", "knorm"}).exit_code == 0);
  const std::string bytes = bytes_of(scratch, "a.db");
  const Outcome again = eval(scratch, "a.db", {"--dry-run"});
  CHECK_THAT(again.err, Contains("54 cells, 36 to measure"));  // full and knorm are there
  CHECK(bytes_of(scratch, "a.db") == bytes);
  // The same model held otherwise has cells of its own.
  const Outcome other = eval(scratch, "a.db", {"--dry-run", "--weights", "q8_0"});
  CHECK_THAT(other.err, Contains("54 cells, 54 to measure"));
}

TEST_CASE("eval: a disk that takes no more is one line, and the cells before stay") {
  const Scratch scratch;
  write_suite(scratch);
  REQUIRE(eval(scratch, "a.db", {"--press", "knorm"}).exit_code == 0);
  const std::string before = rows_of(scratch, "a.db");
  const Outcome full =
      run_bash("trap '' XFSZ; ulimit -f $(($(stat -c %s a.db) / 1024)); " + command("a.db"), scratch.folder());
  CHECK(full.exit_code == 4);
  CHECK_THAT(full.err, Contains("kvhost: error: a.db: "));
  const std::string after = rows_of(scratch, "a.db");
  std::istringstream lines(before);
  for (std::string line; std::getline(lines, line);) CHECK_THAT(after, Contains(line));
  CHECK(eval(scratch, "a.db").exit_code == 0);  // there is room again
  CHECK(n_cells(scratch, "a.db") == 54);
}

TEST_CASE("eval: a result file that cannot be used is one line, before anything is measured") {
  const Scratch scratch;
  write_suite(scratch);
  check_refused(eval(scratch, "no/where.db"), 4, "no/where.db: cannot be written");
  const std::string words = "this is no database, and long enough to be sure of that";
  scratch.write("text.db", words);
  check_refused(eval(scratch, "text.db"), 3, "text.db: is no SQLite file");
  CHECK(bytes_of(scratch, "text.db") == words);
  check_refused(eval(scratch, "."), 2, "is a folder");
}

TEST_CASE("eval --list names every bundled suite, those without their data too") {
  const Scratch scratch;
  const Outcome list = run_program({"eval", "--list"}, scratch.folder());
  CHECK(list.exit_code == 0);
  for (const auto& entry : fs::directory_iterator(KVHOST_SOURCE_DIR "/examples/suites"))
    if (entry.path().extension() == ".json")
      CHECK_THAT(list.out, Contains(entry.path().stem().string() + " "));
  CHECK(scratch.files().empty());
  check_refused(run_program({"eval"}, scratch.folder()), 2, "no suite; expected a JSON file or one of");
  check_refused(run_program({"eval", "quik"}, scratch.folder()), 2, "did you mean 'quick'?");
}

TEST_CASE("eval: one thread or two, the figures are the same to the bit in float32") {
  const Scratch scratch;
  write_suite(scratch);
  for (const std::string threads : {"1", "2"}) {
    std::vector<std::string> all =
        words(threads + ".db", {"--press", "knorm", "--press", "adakv:snapkv(window_size=16)"});
    *(std::find(all.begin(), all.end(), "--threads") + 1) = threads;
    REQUIRE(run_program(all, scratch.folder()).exit_code == 0);
    const auto cells = Store(scratch.folder() / (threads + ".db"), Access::Read).cells();
    CHECK(cells.size() == 30);
    for (const auto& cell : cells) CHECK(std::to_string(cell.run->threads) == threads);
  }
  CHECK(rows_of(scratch, "2.db") == rows_of(scratch, "1.db"));
}

TEST_CASE("eval --swap changes one part at a time and tells what differs from what was given") {
  const Scratch scratch;
  write_suite(scratch);
  const Outcome made = eval(scratch, "a.db", {"--press", "adakv:knorm", "--swap", "head_allocator"});
  REQUIRE(made.exit_code == 0);
  CHECK_THAT(made.out, Contains("adakv:knorm") && Contains("critical_adakv:knorm"));
  CHECK_THAT(made.out, Contains("baseline"));
  CHECK_THAT(made.err, Contains("left out: --swap 'dms:knorm' in task 'text'"));
  std::istringstream lines(made.out);
  for (std::string line; std::getline(lines, line);)
    if (line.find("adakv:knorm ") == 0) CHECK_THAT(line, Contains("baseline"));
  // Without the part, too: knorm alone, and it was not asked to divide by head.
  std::set<std::string> arms;
  for (const auto& done : Store(scratch.folder() / "a.db", Access::Read).cells())
    arms.insert(done.cell.arm);
  CHECK(arms.contains("knorm"));
  CHECK(arms.contains("full"));
  CHECK(arms.size() >= 4);
  check_refused(eval(scratch, "a.db", {"--press", "knorm", "--swap", "scorrer"}), 2, "--swap: found 'scorrer'");
  check_refused(eval(scratch, "a.db", {"--swap", "scorer"}), 2, "--swap: found 0 compositions beside it");
}

TEST_CASE("eval --case writes what was kept of one case as a page, and measures nothing") {
  const Scratch scratch;
  write_suite(scratch);
  const std::vector<std::string> words = {
      "--press", "knorm", "--press", "streaming_llm", "--keep-ratio", "0.25", "--case", "alice.txt@0",
      "--kept-html", "c.html"};
  const Outcome made = eval(scratch, "a.db", words);
  CHECK(made.exit_code == 0);
  CHECK_THAT(made.err, Contains("") && !Contains("to measure"));
  CHECK_FALSE(fs::exists(scratch.folder() / "a.db"));
  const std::string page = bytes_of(scratch, "c.html");
  CHECK_THAT(page, Contains("What was kept: text alice.txt@0") && Contains("data-presses=\"2\""));
  check_refused(eval(scratch, "a.db", {"--press", "knorm", "--case", "alice.txt@1", "--kept-html", "c.html"}),
                2, "--case: found 'alice.txt@1'; expected one of alice.txt@0, ");
  check_refused(eval(scratch, "a.db", {"--case", "alice.txt@0", "--kept-html", "c.html"}), 2,
                "--case: the case has 6 compositions and shares; expected one or two");
  check_refused(eval(scratch, "a.db", {"--case", "alice.txt@0"}), 2, "--case: and --kept-html go together");
}
