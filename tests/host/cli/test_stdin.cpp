// SPDX-License-Identifier: Apache-2.0
// When standard input counts as the prompt, and that asking never hangs.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "input/stdin_text.hpp"
#include "program.hpp"

namespace kvhost::test {

namespace {

using std::chrono::milliseconds;

// The value of `ask` in a process whose standard input is `fd` (-1: closed).
template <class Ask>
int with_stdin(int fd, const Ask& ask) {
  const pid_t child = fork();
  if (child == 0) {
    close(STDIN_FILENO);
    if (fd >= 0) dup2(fd, STDIN_FILENO);
    _exit(ask());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int has_text() { return stdin_has_text(milliseconds(300)) ? 1 : 0; }

// A pipe or socket pair whose far end got `text` and is then closed or held open.
struct Ends {
  explicit Ends(bool socket) {
    REQUIRE((socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd)) == 0);
  }
  ~Ends() {
    close(fd[0]);
    close_far();
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  void put(const std::string& text) const {
    REQUIRE(write(fd[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close_far() {
    if (fd[1] >= 0) close(fd[1]);
    fd[1] = -1;
  }
  int fd[2];
};

int opened(const std::filesystem::path& file) {
  const int fd = open(file.c_str(), O_RDONLY);
  REQUIRE(fd >= 0);
  return fd;
}

}  // namespace

TEST_CASE("files and devices on stdin") {
  const Scratch scratch;
  scratch.write("text", "some");
  scratch.write("empty", "");
  CHECK(with_stdin(opened(scratch.folder() / "text"), has_text) == 1);
  CHECK(with_stdin(opened(scratch.folder() / "empty"), has_text) == 0);
  const int read_to_its_end = opened(scratch.folder() / "text");
  lseek(read_to_its_end, 0, SEEK_END);
  CHECK(with_stdin(read_to_its_end, has_text) == 0);
  CHECK(with_stdin(opened("/dev/null"), has_text) == 0);
  CHECK(with_stdin(-1, has_text) == 0);
  CHECK(with_stdin(opened(scratch.folder()), has_text) == 0);
}

TEST_CASE("a terminal on stdin has no text") {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE((grantpt(terminal) == 0 && unlockpt(terminal) == 0));
  const int far = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  REQUIRE(write(terminal, "typed ahead\n", 12) == 12);
  CHECK(with_stdin(far, has_text) == 0);
  close(far);
  close(terminal);
}

TEST_CASE("pipes and sockets on stdin") {
  for (const bool socket : {false, true}) {
    INFO((socket ? "socket" : "pipe"));
    Ends full(socket), ended(socket), silent(socket), late(socket);
    full.put("text");
    CHECK(with_stdin(full.fd[0], has_text) == 1);
    ended.close_far();
    CHECK(with_stdin(ended.fd[0], has_text) == 0);
    const auto before = std::chrono::steady_clock::now();
    CHECK(with_stdin(silent.fd[0], has_text) == 0);  // what CI and cron hand down
    const auto waited = std::chrono::steady_clock::now() - before;
    CHECK(waited >= milliseconds(290));
    CHECK(waited < milliseconds(5000));
    std::thread writer([&] {
      std::this_thread::sleep_for(milliseconds(80));
      late.put("text");
    });
    CHECK(with_stdin(late.fd[0], has_text) == 1);
    writer.join();
  }
}

TEST_CASE("all of stdin is read however it comes") {
  Ends pieces(false);
  std::thread writer([&] {
    for (int i = 0; i < 5; ++i) {
      pieces.put(std::string(1000, static_cast<char>('a' + i)));
      std::this_thread::sleep_for(milliseconds(20));
    }
    pieces.close_far();
  });
  std::string all;
  for (int i = 0; i < 5; ++i) all += std::string(1000, static_cast<char>('a' + i));
  const int saved = dup(STDIN_FILENO);
  dup2(pieces.fd[0], STDIN_FILENO);
  CHECK(read_stdin() == all);
  writer.join();
  dup2(saved, STDIN_FILENO);
  close(saved);
}

TEST_CASE("a stdin that cannot be read is refused") {
  const Scratch scratch;
  const auto refused = [] {
    try {
      read_stdin();
      return 0;
    } catch (const Error& e) {
      return static_cast<int>(e.code());
    }
  };
  CHECK(with_stdin(opened(scratch.folder()), refused) == static_cast<int>(ExitCode::BadRequest));
  CHECK(with_stdin(-1, refused) == static_cast<int>(ExitCode::BadRequest));
}

}  // namespace kvhost::test
