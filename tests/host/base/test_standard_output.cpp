// SPDX-License-Identifier: Apache-2.0
// std::cout while a StandardOutput lives, each case in a process of its own.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "base/error.hpp"
#include "base/standard_output.hpp"

namespace kvhost {

namespace {

// The value of `work` in a child; `prepare` comes first.
template <class Prepare, class Work>
int in_child(const Prepare& prepare, const Work& work) {
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    prepare();
    _exit(work());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The exit code of the Error that printing meets, 0 for none.
int print_and_flush() {
  StandardOutput output;
  try {
    std::cout << "some text" << std::flush;
    return 0;
  } catch (const Error& e) {
    return static_cast<int>(e.code());
  }
}

void stdout_is(const char* file) {
  const int opened = open(file, O_WRONLY);
  dup2(opened, STDOUT_FILENO);
}

}  // namespace

TEST_CASE("a failed print is an error where it happens") {
  CHECK(in_child([] { stdout_is("/dev/null"); }, print_and_flush) == 0);
  CHECK(in_child([] { stdout_is("/dev/full"); }, print_and_flush) ==
        static_cast<int>(ExitCode::RunFailed));
  CHECK(in_child([] { close(STDOUT_FILENO); }, print_and_flush) ==
        static_cast<int>(ExitCode::RunFailed));
  const auto nobody_reads = [] {
    int ends[2];
    if (pipe(ends) != 0) _exit(99);
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    std::signal(SIGPIPE, SIG_IGN);
  };
  CHECK(in_child(nobody_reads, print_and_flush) == static_cast<int>(ExitCode::ClosedPipe));
}

TEST_CASE("no file that is opened later becomes a standard stream") {
  const auto close_all = [] {
    for (const int fd : {0, 1, 2}) close(fd);
  };
  const auto next_descriptor = [] {
    const StandardOutput output;
    return open("/dev/null", O_RDONLY);
  };
  CHECK(in_child(close_all, next_descriptor) > 2);
}

TEST_CASE("a closed standard output is known before anything is printed") {
  const auto known = [] {
    const StandardOutput output;
    try {
      output.check();
      return 0;
    } catch (const Error& e) {
      return static_cast<int>(e.code());
    }
  };
  CHECK(in_child([] { close(STDOUT_FILENO); }, known) == static_cast<int>(ExitCode::RunFailed));
  CHECK(in_child([] { stdout_is("/dev/null"); }, known) == 0);
}

TEST_CASE("a half-written line is ended where an error line would follow it") {
  const auto bytes_of = [](bool same_place, const char* text) {
    return [=] {
      int ends[2];
      if (pipe(ends) != 0) return 99;
      dup2(ends[1], STDOUT_FILENO);
      if (same_place) dup2(ends[1], STDERR_FILENO);
      StandardOutput output;
      std::cout << text;
      output.end_line();
      char bytes[16];
      return static_cast<int>(read(ends[0], bytes, sizeof bytes));
    };
  };
  const auto nothing = [] {};
  CHECK(in_child(nothing, bytes_of(true, "abc")) == 4);
  CHECK(in_child(nothing, bytes_of(true, "abc\n")) == 4);
  CHECK(in_child(nothing, bytes_of(false, "abc")) == 3);
}

TEST_CASE("the stream is what it was afterwards") {
  std::streambuf* before = std::cout.rdbuf();
  { const StandardOutput output; }
  CHECK(std::cout.rdbuf() == before);
  CHECK(std::cout.exceptions() == std::ios::goodbit);
}

}  // namespace kvhost
