// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments: what was there before or the whole result lies there afterwards, and
// the next start cleans up and succeeds. An evaluation is killed in tests/host/cli/test_eval.cpp.
// KVHOST_KILLS says how many times each command is killed.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "host/cli/program.hpp"

namespace fs = std::filesystem;
using namespace kvhost::test;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

namespace {

constexpr const char* kOld = "what was there before\n";

int wanted_kills() {
  const char* given = std::getenv("KVHOST_KILLS");
  return given ? std::atoi(given) : 12;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Starts the command and kills it after so many seconds; whether it was still running.
bool kill_after(const Words& words, const fs::path& folder, double seconds) {
  std::vector<char*> arguments = {const_cast<char*>("kvhost")};
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 1), dup2(null, 2);
    if (chdir(folder.c_str()) != 0) _exit(127);
    execv(KVHOST_PROGRAM, arguments.data());
    _exit(127);
  }
  usleep(static_cast<useconds_t>(seconds * 1e6));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

// The file that the command writes, undisturbed, and how long that takes.
struct Undisturbed {
  Undisturbed(const Words& words, const std::string& output) {
    const Scratch scratch;
    const auto start = Clock::now();
    const Outcome outcome = run_program(words, scratch.folder());
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    bytes = bytes_of(scratch.folder() / output);
  }
  std::string bytes;
  double seconds = 0;
};

void check_kills(const Words& words, const std::string& output) {
  const Undisturbed whole(words, output);
  REQUIRE(whole.bytes.size() > 100);
  const Scratch scratch;
  std::minstd_rand random(3);
  std::uniform_real_distribution<double> moment(0, 1.1 * whole.seconds);
  int killed = 0, finished = 0;
  for (int i = 0; i < 20 * wanted_kills() && killed < wanted_kills(); ++i) {
    scratch.write(output, kOld);
    (kill_after(words, scratch.folder(), moment(random)) ? killed : finished) += 1;
    const std::string found = bytes_of(scratch.folder() / output);
    CHECK((found == kOld || found == whole.bytes));
    for (const auto& name : scratch.files())  // a link that was just made goes with the next run
      CHECK((name == output || name.starts_with(".kvhost-")));
  }
  WARN(words.front() << ": killed " << killed << " times, ended before " << finished << " times");
  CHECK(killed == wanted_kills());
  CHECK(run_program(words, scratch.folder()).exit_code == 0);
  CHECK(bytes_of(scratch.folder() / output) == whole.bytes);
  CHECK(scratch.files() == Words{output});
}

const std::string kModel = KVHOST_SOURCE_DIR "/models/tiny";

}  // namespace

TEST_CASE("a run that is killed leaves the old file or the new one, and nothing else") {
  check_kills({"run", "--model", kModel, "-p", "foxes and hens", "-n", "3", "--press", "snapkv",
               "--budget", "4", "--min-entries", "0", "--dump-keep", "out.json"},
              "out.json");
}

TEST_CASE("a compression that is killed leaves the old cache or the new one, and nothing else") {
  check_kills({"compress", "--model", kModel, "-f", KVHOST_SOURCE_DIR "/bench/texts/alice_1_2.txt",
               "--max-prompt-tokens", "400", "--press", "snapkv", "-o", "cache.kvc"},
              "cache.kvc");
}
