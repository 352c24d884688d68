// SPDX-License-Identifier: Apache-2.0
// A suite that is killed goes on where it stopped, and two at once do not count twice.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <thread>

#include "made_cells.hpp"

namespace fs = std::filesystem;
using namespace kvhost::results;
using namespace kvhost::test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kCases = 12;  // 120 cells

void measure_suite(const fs::path& file) {
  Store store(file, Access::Write);
  const auto run =
      made_run(std::to_string(getpid()));  // every process has circumstances of its own
  for (const auto& done : made_cells(kCases))
    if (!store.has(done.cell)) store.add(*run, done.cell, done.measurements);
}

// Forked, as a program that can be killed.
pid_t start_suite(const fs::path& file) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  int code = 0;
  try {
    measure_suite(file);
  } catch (const std::exception& e) {
    fprintf(stderr, "%s\n", e.what());
    code = 1;
  }
  _exit(code);
}

// True when it ended by itself, and well; false when it was killed.
bool ended_well(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return false;
  REQUIRE(WEXITSTATUS(status) == 0);
  return true;
}

}  // namespace

TEST_CASE("a suite that was killed 20 times at any point ends in the same table") {
  const ResultFolder folder;
  const auto begin = Clock::now();
  REQUIRE(ended_well(start_suite(folder / "whole.db")));
  const auto whole = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::string expected = table_of(folder / "whole.db");

  std::mt19937 random(20261126);
  std::uniform_real_distribution<double> delay(0, whole / 25);
  int n_killed = 0, n_between = 0;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = start_suite(folder / "killed.db");
    std::this_thread::sleep_for(std::chrono::duration<double>(delay(random)));
    kill(child, SIGKILL);
    if (ended_well(child)) continue;
    ++n_killed;
    const Store after(folder / "killed.db", Access::Write);  // what was half-written is undone
    for (const auto& done : after.cells()) REQUIRE(done.measurements.size() == 3);
    const auto n = after.cells().size();
    n_between += n > 0 && n < 10 * kCases;
  }
  CHECK(n_killed == 20);
  CHECK(n_between > 0);
  CHECK(table_of(folder / "killed.db") != expected);  // there was something left to do
  REQUIRE(ended_well(start_suite(folder / "killed.db")));
  CHECK(table_of(folder / "killed.db") == expected);
}

TEST_CASE("two programs on one file wait for each other, and every cell is there once") {
  const ResultFolder folder;
  measure_suite(folder / "whole.db");
  const pid_t one = start_suite(folder / "both.db"), other = start_suite(folder / "both.db");
  CHECK(ended_well(one));
  CHECK(ended_well(other));
  CHECK(table_of(folder / "both.db") == table_of(folder / "whole.db"));
}

TEST_CASE("two threads share one store") {
  const ResultFolder folder;
  const auto cells = made_cells(3);
  {
    Store store(folder / "both.db", Access::Write);
    std::vector<std::thread> threads;
    std::atomic<int> n_new = 0;
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&] {
        for (const auto& done : cells) n_new += store.add(*done.run, done.cell, done.measurements);
      });
    for (auto& thread : threads) thread.join();
    CHECK(n_new == static_cast<int>(cells.size()));
  }
  Store(folder / "one.db", Access::Write).add_all(cells);
  CHECK(table_of(folder / "both.db") == table_of(folder / "one.db"));
}
