// SPDX-License-Identifier: Apache-2.0
#include "cli/isolate.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "base/error.hpp"
#include "method/call_board.hpp"
#include "method/call_watch.hpp"

namespace kvhost {
namespace {

bool asked = false;
volatile std::sig_atomic_t watched = 0;  // the child's process id

// A key on the terminal reaches both processes; what somebody sent to this one alone goes on.
void forward(int number, siginfo_t* info, void*) {
  if (info->si_code <= 0) kill(static_cast<pid_t>(watched), number);
}

void forward_signals() {
  struct sigaction action {};
  action.sa_sigaction = forward;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigfillset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2})
    sigaction(number, &action, nullptr);
}

// Those that end a program which was asked to end, or has lost its reader.
bool is_asked_for(int number) {
  return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT ||
         number == SIGPIPE;
}

[[noreturn]] void end_as(int number) {
  std::signal(number, SIG_DFL);
  raise(number);
  _exit(128 + number);
}

[[noreturn]] void watch_over(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && end_noted()) _exit(WEXITSTATUS(status));
  if (WIFSIGNALED(status) && is_asked_for(WTERMSIG(status))) end_as(WTERMSIG(status));
  char what[80];
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    std::snprintf(what, sizeof what, "was killed with SIG%s", name ? name : "?");
  } else {
    std::snprintf(
        what, sizeof what, "ended with exit code %d and without a word", WEXITSTATUS(status));
  }
  tell_silent_end(what);
  _exit(static_cast<int>(ExitCode::RunFailed));
}

}  // namespace

void ask_for_isolation() { asked = true; }

bool isolation_asked() { return asked; }

void isolate() {
  share_board();
  std::cout.flush();
  std::fflush(nullptr);
  const pid_t parent = getpid(), child = fork();
  if (child < 0)
    run_failed("--isolate",
               std::string("found no second process: ") + std::strerror(errno) +
                   "; expected one; try without the flag");
  if (child > 0) {
    watched = child;
    forward_signals();
    watch_over(child);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(static_cast<int>(ExitCode::RunFailed));
}

}  // namespace kvhost
