// SPDX-License-Identifier: Apache-2.0
// Files that cannot be read or written: one line each, and what was there before stays.
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "made_cells.hpp"
#include "results/database.hpp"
#include "results/schema.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using namespace kvhost;
using namespace kvhost::results;
using namespace kvhost::test;

namespace {

struct Refusal {
  int code = 0;
  std::string line;
};

template <typename Work>
Refusal refusal_of(const Work& work) {
  try {
    work();
  } catch (const Error& e) {
    return {static_cast<int>(e.code()), e.what()};
  }
  return {0, "no error"};
}

// In a process of its own, which `prepare` may limit for good.
Refusal refusal_in_child(const std::function<void()>& prepare, const std::function<void()>& work) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    prepare();
    const Refusal refusal = refusal_of(work);
    if (write(ends[1], refusal.line.data(), refusal.line.size()) < 0) _exit(99);
    _exit(refusal.code);
  }
  close(ends[1]);
  Refusal refusal;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) refusal.line.append(buffer, n);
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  refusal.code = WEXITSTATUS(status);
  return refusal;
}

void check_one_line(const Refusal& refusal, ExitCode code) {
  INFO(refusal.line);
  CHECK(refusal.code == static_cast<int>(code));
  CHECK(refusal.line.find('\n') == std::string::npos);
}

void sql(const fs::path& file, const std::string& text) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

void fill(const fs::path& file, int n_cases = 4) {
  Store(file, Access::Write).add_all(made_cells(n_cases));
}

Refusal read_refusal(const fs::path& file) {
  return refusal_of([&] { Store store(file, Access::Read); });
}

}  // namespace

TEST_CASE("a file that is not there, or a folder, is refused") {
  const ResultFolder folder;
  const Refusal absent = read_refusal(folder / "absent.db");
  check_one_line(absent, ExitCode::BadRequest);
  CHECK_THAT(absent.line, Contains("absent.db: no such file"));
  CHECK_FALSE(fs::exists(folder / "absent.db"));
  check_one_line(read_refusal(folder.path()), ExitCode::BadRequest);
  const Refusal nowhere = refusal_of([&] { Store store(folder / "no/where.db", Access::Write); });
  check_one_line(nowhere, ExitCode::RunFailed);
  CHECK_THAT(nowhere.line, Contains("cannot be written (No such file or directory)"));
}

TEST_CASE("a file that is no database, or another program's, is refused and not touched") {
  const ResultFolder folder;
  std::ofstream(folder / "text.db") << std::string(5000, 'x');
  const Refusal text = read_refusal(folder / "text.db");
  check_one_line(text, ExitCode::CannotLoad);
  CHECK_THAT(text.line, Contains("text.db: is no SQLite file"));

  sql(folder / "other.db", "CREATE TABLE cell(id INTEGER); PRAGMA user_version = 1");
  const std::string before = read_file(folder / "other.db", ExitCode::CannotLoad);
  for (const Access access : {Access::Read, Access::Write}) {
    const Refusal other = refusal_of([&] { Store store(folder / "other.db", access); });
    check_one_line(other, ExitCode::CannotLoad);
    CHECK_THAT(other.line, Contains("an SQLite file of another program"));
  }
  CHECK(read_file(folder / "other.db", ExitCode::CannotLoad) == before);
}

TEST_CASE("a newer schema is refused") {
  const ResultFolder folder;
  fill(folder / "a.db");
  sql(folder / "a.db", "PRAGMA user_version = 3");
  const Refusal newer = read_refusal(folder / "a.db");
  check_one_line(newer, ExitCode::CannotLoad);
  CHECK_THAT(newer.line, Contains("has schema 3; expected 1 to 2"));
}

TEST_CASE("a file of schema 1 is read as it is, and brought up by what writes into it") {
  const ResultFolder folder;
  const fs::path file = folder / "a.db";
  fill(file);
  sql(file,
      "DROP VIEW result; ALTER TABLE cell DROP COLUMN plugins; "
      "CREATE VIEW result AS SELECT suite FROM cell; PRAGMA user_version = 1");
  const std::string before = read_file(file, ExitCode::CannotLoad);
  const size_t n_cells = made_cells(4).size();
  CHECK(Store(file, Access::Read).cells().size() == n_cells);
  CHECK(read_file(file, ExitCode::CannotLoad) == before);

  DoneCell more = made_cell(made_arms()[0], 0.5, 99);
  more.cell.plugins = R"([{"method": "snapkv"}])";
  {
    Store store(file, Access::Write);
    CHECK(store.has(made_cell(made_arms()[0], 0.5, 1).cell));
    CHECK(store.add(*more.run, more.cell, more.measurements));
  }
  size_t n_with = 0;
  for (const auto& done : Store(file, Access::Read).cells())
    n_with += done.cell.plugins == more.cell.plugins;
  CHECK(n_with == 1);
  Database database(file, /*make=*/false, {});
  CHECK(database.number("PRAGMA user_version") == kSchemaVersion);
  CHECK(database.number("SELECT count(*) FROM result WHERE plugins <> ''") == 3);
}

TEST_CASE("a damaged file is refused, wherever the damage is") {
  const ResultFolder folder;
  fill(folder / "a.db", 20);
  const std::string whole = read_file(folder / "a.db", ExitCode::CannotLoad);
  REQUIRE(whole.size() > 10 * 4096);
  for (size_t page = 1; page < whole.size() / 4096; ++page) {
    std::string damaged = whole;
    damaged.replace(page * 4096, 64, std::string(64, '\x5a'));
    std::ofstream(folder / "b.db", std::ios::binary) << damaged;
    const Refusal refusal = read_refusal(folder / "b.db");
    INFO("page " << page);
    check_one_line(refusal, ExitCode::CannotLoad);
    CHECK_THAT(refusal.line, Contains("b.db: is damaged ("));
  }
  std::ofstream(folder / "b.db", std::ios::binary) << whole.substr(0, 3 * 4096);  // torn off
  check_one_line(read_refusal(folder / "b.db"), ExitCode::CannotLoad);
}

TEST_CASE("a disk that takes no more is one line, and the cells before are there") {
  const ResultFolder folder;
  const fs::path file = folder / "a.db";
  const Refusal full = refusal_in_child(
      [] {
        const rlimit limit{200'000, 200'000};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
      },
      [&] {
        Store store(file, Access::Write);
        for (const auto& done : made_cells(200)) store.add(*done.run, done.cell, done.measurements);
      });
  check_one_line(full, ExitCode::RunFailed);
  CHECK_THAT(full.line,
             Contains("cannot be written: found a limit on file sizes") &&
                 Contains("what was written before is intact"));
  const auto cells = made_cells(200);
  const size_t n = Store(file, Access::Read).cells().size();
  CHECK(n > 100);
  CHECK(n < cells.size());
  Store store(file, Access::Write);  // with room again it goes on
  for (size_t i = 0; i < cells.size(); ++i) {
    CHECK(store.has(cells[i].cell) == (i < n));
    if (i >= n) store.add(*cells[i].run, cells[i].cell, cells[i].measurements);
  }
  CHECK(store.cells().size() == cells.size());
}

TEST_CASE("a folder that cannot be written can be read, and writing is refused") {
  const ResultFolder folder;
  fill(folder / "a.db");
  const std::string table = table_of(folder / "a.db");
  fs::permissions(folder / "a.db", fs::perms(0444));
  fs::permissions(folder.path(), fs::perms(0555));
  const auto as_nobody = [] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(98);
  };
  const Refusal reading = refusal_in_child(as_nobody, [&] {
    if (table_of(folder / "a.db") != table) run_failed("", "other");
  });
  CHECK(reading.line == "no error");
  for (const auto& name : {"a.db", "new.db"}) {
    const Refusal writing = refusal_in_child(as_nobody, [&] {
      Store store(folder / name, Access::Write);
      const auto more = made_cell(made_arms()[0], 0.75, 1);
      store.add(*more.run, more.cell, more.measurements);
    });
    check_one_line(writing, ExitCode::RunFailed);
    CHECK_THAT(writing.line, Contains(std::string(name) + ": cannot be written"));
    if (name == std::string("new.db")) CHECK_THAT(writing.line, Contains("(Permission denied)"));
  }
  fs::permissions(folder.path(), fs::perms(0755));
  CHECK(table_of(folder / "a.db") == table);
}

TEST_CASE("a second writer waits, then says who is in the way") {
  const ResultFolder folder;
  fill(folder / "a.db", 1);
  const auto more = made_cell(made_arms()[0], 0.75, 1);
  Database first(folder / "a.db", false, {});
  auto held = std::make_unique<Transaction>(first);
  {
    Store store(folder / "a.db", Access::Write, {.for_seconds = 0.2});
    const Refusal busy = refusal_of([&] { store.add(*more.run, more.cell, more.measurements); });
    check_one_line(busy, ExitCode::RunFailed);
    CHECK_THAT(busy.line, Contains("another program has been writing to it for 0.2 s"));
    CHECK(store.cells().size() == 10);  // reading goes on meanwhile
  }
  Store store(folder / "a.db", Access::Write, {.for_seconds = 30});
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    held.reset();
  });
  CHECK(store.add(*more.run, more.cell, more.measurements));
  release.join();
  CHECK(store.cells().size() == 11);
}

TEST_CASE("waiting for another writer ends when the work is cancelled") {
  const ResultFolder folder;
  fill(folder / "a.db", 1);
  Database first(folder / "a.db", false, {});
  const Transaction held(first);
  std::atomic<bool> stop = false;
  Waiting waiting;
  waiting.context.cancelled = [&] { return stop.load(); };
  Store store(folder / "a.db", Access::Write, waiting);
  std::thread cancel([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop = true;
  });
  const auto more = made_cell(made_arms()[0], 0.75, 1);
  const auto begin = std::chrono::steady_clock::now();
  const Refusal refusal = refusal_of([&] { store.add(*more.run, more.cell, more.measurements); });
  cancel.join();
  check_one_line(refusal, ExitCode::Interrupted);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}
