// SPDX-License-Identifier: Apache-2.0
// What the machine gives runs out or goes away: memory, threads, stacks, room on a disk, a file that
// is mapped. One line and a known exit code, nothing half-written.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "host/cli/program.hpp"

namespace fs = std::filesystem;
using namespace kvhost::test;
using Catch::Contains;

namespace {

const std::string kModel = KVHOST_SOURCE_DIR "/models/tiny";
const std::string kDemo = KVHOST_SOURCE_DIR "/models/demo";

// Lines that kvhost says; libgomp's own words may stand before one.
long lines_of(const Outcome& outcome) {
  const std::string mark = "kvhost: error: ";
  long n = 0;
  for (size_t at = outcome.err.find(mark); at != std::string::npos;
       at = outcome.err.find(mark, at + 1))
    ++n;
  return n;
}

void check_told(const Outcome& outcome, int code) {
  INFO(outcome.exit_code << ": " << outcome.err);
  CHECK(outcome.exit_code == code);
  CHECK(lines_of(outcome) == 1);
  const size_t at = outcome.err.find("kvhost: error: ");
  CHECK(outcome.err.find(';', at) != std::string::npos);
  CHECK(std::count(outcome.err.begin() + static_cast<long>(at), outcome.err.end(), '\n') == 1);
}

// Whether a user may mount a file system of their own here.
bool can_mount() {
  const Scratch scratch;
  return run_bash("unshare -rm true", scratch.folder()).exit_code == 0;
}

// `command` in a folder that has a file system `small` of so many bytes in it, and what lies there
// behind the line.
std::string on_small(const std::string& size, const std::string& command) {
  return "mkdir small && unshare -rm bash -c 'mount -t tmpfs -o size=" + size + " none small; " +
         "{ " + command + "; } >/dev/null; code=$?; ls -A small; exit $code'";
}

}  // namespace

TEST_CASE("little memory is one line, wherever it runs out") {
  const Scratch scratch;
  const char* given = std::getenv("KVHOST_FAULT_POINTS");
  const int n_points = given ? std::atoi(given) : 12;
  int n_told = 0, n_ran = 0, n_loader = 0;
  for (int i = 0; i < n_points; ++i) {
    const std::string limit = std::to_string(400'000 + 240'000 * i / n_points);  // KiB
    const Outcome outcome = run_bash("ulimit -v " + limit + "; exec timeout -s KILL 60 \"$KVHOST\" "
                                     "run --model " + kDemo + " -p 'foxes and hens' -n 2 -q",
                                     scratch.folder());
    INFO(limit << ": " << outcome.exit_code << ": " << outcome.err);
    if (outcome.exit_code == 127) {  // the dynamic loader's own words
      CHECK_THAT(outcome.err, Contains("error while loading shared libraries"));
      ++n_loader;
    } else if (outcome.exit_code == 0) {
      CHECK(lines_of(outcome) == 0);
      ++n_ran;
    } else {
      CHECK(outcome.exit_code == 4);
      CHECK(lines_of(outcome) == 1);
      ++n_told;
    }
  }
  WARN(n_points << " limits: " << n_loader << " before the program, " << n_told << " told, " << n_ran
                << " ran");
  CHECK(n_told > 0);
}

TEST_CASE("threads that cannot be had are one line") {
  const Scratch scratch;
  const std::string run = "\"$KVHOST\" run --model " + kDemo + " -p 'foxes and hens' -n 2 -q";
  const Outcome stacks = run_bash("OMP_STACKSIZE=100000G " + run + " --threads 2", scratch.folder());
  check_told(stacks, 4);
  CHECK_THAT(stacks.err, Contains("threads: the system gave no more of them"));
  const Outcome many = run_bash("ulimit -v 2500000; " + run + " --threads 1024", scratch.folder());
  check_told(many, 4);
  check_refused(run_bash(run + " --threads 1025", scratch.folder()), 2, "--threads: found '1025'");
  check_refused(run_bash(run + " --threads -1", scratch.folder()), 2, "--threads");
  CHECK(run_bash(run + " --threads 200", scratch.folder()).exit_code == 0);
}

TEST_CASE("threads with the smallest stacks do their work, or one line says that they cannot") {
  const Scratch scratch;
  for (const std::string size : {"1k", "16k", "32k", "64k", "256k"}) {
    INFO(size);
    const Outcome outcome = run_bash(
        "OMP_STACKSIZE=" + size + " \"$KVHOST\" run --model " + kDemo + " -f " KVHOST_SOURCE_DIR
        "/bench/texts/alice_1_2.txt --max-prompt-tokens 600 -n 2 -q --threads 4 --press "
        "rankkv:adakv:snapkv",
        scratch.folder());
    if (outcome.exit_code == 0)
      CHECK(lines_of(outcome) == 0);
    else
      check_told(outcome, 4);
  }
}

TEST_CASE("a model file that is cut short or replaced while it is mapped is one line") {
  const std::string how[] = {"truncate -s 4096 model/model.safetensors",
                             "cp model/config.json model/model.safetensors"};
  for (const auto& change : how) {
    const Scratch scratch;
    fs::copy(kModel, scratch.folder() / "model", fs::copy_options::recursive);
    // The first words that come show that the weights are in use.
    const Outcome outcome = run_bash(
        "\"$KVHOST\" run --model model -p 'a story of foxes' -n 1000 --press none >out 2>err & P=$!\n"
        "for i in $(seq 6000); do [ -s out ] && break; kill -0 $P || break; sleep 0.01; done\n" +
            change + "; wait $P; code=$?; cat err >&2; exit $code",
        scratch.folder());
    check_told(outcome, 4);
    CHECK_THAT(outcome.err, Contains("a mapped file could not be read (SIGBUS)"));
  }
}

TEST_CASE("a model file that was cut short before is one line that names it") {
  const Scratch scratch;
  fs::copy(kModel, scratch.folder() / "model", fs::copy_options::recursive);
  fs::resize_file(scratch.folder() / "model/model.safetensors", 4096);
  const Outcome outcome =
      run_program({"run", "--model", "model", "-p", "foxes", "-q"}, scratch.folder());
  check_told(outcome, 3);
  CHECK_THAT(outcome.err, Contains("model/model.safetensors"));
}

TEST_CASE("a disk of a few kilobytes holds the whole output or none of it") {
  if (!can_mount()) {
    WARN("skipped: no file system can be mounted here (unshare -rm)");
    return;
  }
  const std::string run = "\"$KVHOST\" run --model " + kModel + " -p foxes -n 3 -q ";
  const std::string full = "head -c 1000k /dev/zero >small/fill 2>/dev/null; ";
  const auto left = [](const Outcome& outcome) { return outcome.out; };
  const auto at = [&](const std::string& size, const std::string& command) {
    const Scratch scratch;
    return run_bash(on_small(size, command), scratch.folder());
  };
  CHECK(left(at("16k", run + "--json small/o.json")) == "o.json\n");
  const Outcome report = at("4k", full + run + "--json small/o.json");
  check_told(report, 4);
  CHECK(left(report) == "fill\n");
  const Outcome cache =
      at("16k", "\"$KVHOST\" compress --model " + kModel + " -f " KVHOST_SOURCE_DIR
                "/bench/texts/alice_1_2.txt --max-prompt-tokens 300 --press none -o small/c.kvc");
  check_told(cache, 4);
  CHECK(left(cache) == "");
  const Outcome results = at("16k", "\"$KVHOST\" eval quick --model " + kModel + " --db small/r.db");
  check_told(results, 4);
  CHECK(left(results) == "");
  // Scanned plugins are remembered where that can be; where not, they are scanned again.
  const std::string zoo = " --plugin-path " KVHOST_TEST_ZOO " ";
  const Outcome scan = at("4k", full + "XDG_CACHE_HOME=small " + run + zoo);
  INFO(scan.err);
  CHECK(scan.exit_code == 0);
  CHECK(left(scan) == "fill\n");
}
