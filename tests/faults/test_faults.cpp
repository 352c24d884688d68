// SPDX-License-Identifier: Apache-2.0
// What the system refuses, at any point of a short run: one line, a known exit code, no signal, and
// in the folder either what was there before or the whole result. A sweep takes points spread evenly
// over all calls, as many as its seconds allow; KVHOST_FAULT_SECONDS gives each sweep more.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "host/cli/program.hpp"

namespace fs = std::filesystem;
using namespace kvhost::test;
using Clock = std::chrono::steady_clock;

namespace {

const std::string kModel = KVHOST_SOURCE_DIR "/models/tiny";
constexpr const char* kOld = "{\"old\": true}\n";

double sweep_seconds() {
  const char* given = std::getenv("KVHOST_FAULT_SECONDS");
  return given ? std::atof(given) : 5;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> short_run() {
  return {"run", "--model", kModel, "-p", "A short text about foxes, hens and the moon.", "-n", "3",
          "--press", "snapkv", "--budget", "8", "--min-entries", "0", "-q", "--json", "out.json"};
}

std::map<std::string, std::string> environment(const std::string& fail) {
  return {{"LD_PRELOAD", KVHOST_TEST_FAILING},
          {"KVHOST_FAIL", fail},
          {"KVHOST_FAIL_COUNT", "/dev/shm/kvhost-count-" + std::to_string(getpid())},
          {"OMP_NUM_THREADS", "1"},
          {"XDG_CACHE_HOME", "/dev/shm/kvhost-cache-" + std::to_string(getpid())}};
}

long counted() {
  const fs::path file = "/dev/shm/kvhost-count-" + std::to_string(getpid());
  const long n = std::atol(bytes_of(file).c_str());
  fs::remove(file);
  return n;
}

bool whole_report(const fs::path& file) {
  const std::string text = bytes_of(file);
  return text.size() > 200 && text.front() == '{' && text.ends_with("}\n") &&
         text.find("\"schema\"") != std::string::npos;
}

// What one run with a fault must look like, whatever the fault was.
void check_outcome(const Outcome& outcome, const Scratch& scratch) {
  INFO(outcome.exit_code << " " << outcome.err);
  const std::set<int> known = {0, 2, 3, 4};
  CHECK(known.contains(outcome.exit_code));
  const std::string mark = "kvhost: error: ";
  const size_t at = outcome.err.find(mark);
  if (outcome.exit_code != 0) {
    CHECK(at != std::string::npos);
    CHECK(outcome.err.find(mark, at + 1) == std::string::npos);
    const std::string line = outcome.err.substr(std::min(at, outcome.err.size()));
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
    CHECK(line.find(';') != std::string::npos);
    CHECK((bytes_of(scratch.folder() / "out.json") == kOld ||
           whole_report(scratch.folder() / "out.json")));
  } else {
    CHECK(at == std::string::npos);
    CHECK(whole_report(scratch.folder() / "out.json"));
  }
  CHECK(scratch.files() == std::vector<std::string>{"out.json"});
}

// Every so many-th of `n` points, until the time is up. -> how many were tried
int sweep(const std::string& kind, const std::string& later = "") {
  const Scratch scratch;
  scratch.write("out.json", kOld);
  run_program(short_run(), scratch.folder(), environment(kind));
  const long n = counted();
  REQUIRE(n > 0);
  std::vector<long> points;
  for (long i = 1; i <= n; ++i) points.push_back(i);
  std::shuffle(points.begin(), points.end(), std::minstd_rand(7));
  const auto start = Clock::now();
  int tried = 0;
  for (const long point : points) {
    if (std::chrono::duration<double>(Clock::now() - start).count() > sweep_seconds()) break;
    INFO(kind << " " << point << " of " << n << later);
    scratch.write("out.json", kOld);
    const auto fail = kind + ":" + std::to_string(point) + later;
    check_outcome(run_program(short_run(), scratch.folder(), environment(fail)), scratch);
    ++tried;
  }
  WARN(kind << later << ": " << tried << " of " << n << " points");
  return tried;
}

}  // namespace

TEST_CASE("a read, write, open, rename, map or synchronisation that fails is one line") {
  for (const char* kind : {"write", "rename", "fsync", "mmap", "read", "open"})
    CHECK(sweep(kind) > 0);
}

TEST_CASE("memory that runs out is one line") {
  CHECK(sweep("malloc") > 0);
  CHECK(sweep("malloc", ":all") > 0);
}

TEST_CASE("limits of the process are one line") {
  const Scratch scratch;
  const std::string run = "\"$KVHOST\" run --model " + kModel + " -p foxes -n 3 -q --json out.json";
  for (const std::string limit : {"-n 16", "-f 0", "-v 300000", "-v 900000", "-u 1"}) {
    INFO(limit);
    scratch.write("out.json", kOld);
    // stderr is a file here, which a limit on files would hold too
    const Outcome outcome = run_bash(
        "(ulimit " + limit + "; exec " + run + ") 2>&1 >/dev/null | cat >&2; exit ${PIPESTATUS[0]}",
        scratch.folder());
    if (outcome.err.find("error while loading shared libraries") != std::string::npos)
      continue;  // before main
    check_outcome(outcome, scratch);
  }
}

TEST_CASE("an interrupt ends the waiting for a pipe, to read and to write") {
  const Scratch scratch;
  REQUIRE(mkfifo((scratch.folder() / "pipe").c_str(), 0600) == 0);
  const std::string model = " --model " + kModel + " -n 1 -q";
  for (const std::string& arguments : {" run -f pipe" + model, " run -p foxes --json pipe" + model}) {
    INFO(arguments);
    const Outcome outcome = run_bash(
        "\"$KVHOST\"" + arguments + " & P=$!; sleep 3; kill -TERM $P; wait $P", scratch.folder());
    INFO(outcome.err);
    CHECK(outcome.exit_code == 130);
    CHECK(outcome.err.find("interrupted") != std::string::npos);
  }
}
