// SPDX-License-Identifier: Apache-2.0
#include "kit/trial.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace kvhost {

namespace {

using Clock = std::chrono::steady_clock;

// In the child: the verdict's outcome as a character, then its reason, into the pipe.
[[noreturn]] void judge(const std::function<Verdict()>& check, int to) {
  setpgid(0, 0);  // what it starts goes with it
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGINT, SIGTERM})
    signal(number, SIG_DFL);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2}) dup2(nowhere, fd);
  Verdict verdict;
  try {
    verdict = check();
  } catch (const std::exception& e) {
    verdict = failed(e.what());
  } catch (...) {
    verdict = failed("threw something that is no std::exception");
  }
  const std::string text = std::to_string(static_cast<int>(verdict.outcome)) + verdict.reason;
  [[maybe_unused]] const ssize_t written = write(to, text.data(), text.size());
  _exit(0);
}

// What the child says until it ends or the deadline comes; false: the deadline came.
bool read_all(int from, Clock::time_point end, std::string& text) {
  constexpr size_t kMost = 4096;
  char buffer[512];
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wanted{from, POLLIN, 0};
    if (poll(&wanted, 1, static_cast<int>(std::min<int64_t>(left, 1000))) <= 0) continue;
    const ssize_t n = read(from, buffer, sizeof buffer);
    if (n <= 0) return true;
    if (text.size() < kMost) text.append(buffer, static_cast<size_t>(n));
  }
}

std::string words_of_end(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return "crashed with " + (name ? std::string("SIG") + name : "signal " + std::to_string(WTERMSIG(status)));
  }
  return "ended the process with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

const char* outcome_name(Outcome outcome) {
  constexpr const char* kNames[] = {"PASS", "WARN", "FAIL", "SKIP"};
  return kNames[static_cast<int>(outcome)];
}

Verdict try_in_child(const std::function<Verdict()>& check, std::chrono::milliseconds deadline) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) run_failed("validate", std::string("pipe: ") + strerror(errno));
  const pid_t child = fork();
  if (child < 0) run_failed("validate", std::string("fork: ") + strerror(errno));
  if (child == 0) judge(check, ends[1]);
  setpgid(child, child);
  close(ends[1]);
  std::string text;
  const bool in_time = read_all(ends[0], Clock::now() + deadline, text);
  close(ends[0]);
  kill(-child, SIGKILL);
  kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text.empty())
    return {static_cast<Outcome>(std::clamp(text[0] - '0', 0, 3)), text.substr(1)};
  if (!in_time)
    return failed("did not return within " + std::to_string(deadline.count() / 1000) + " s");
  return failed(words_of_end(status));
}

}  // namespace kvhost
