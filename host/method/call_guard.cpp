// SPDX-License-Identifier: Apache-2.0
#include "method/call_guard.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace kvhost {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<const char*> current_call{nullptr};
std::atomic<int64_t> deadline_ns{0};  // of the current call, steady clock; 0: none

// Async-signal-safe: write and _exit only.
[[noreturn]] void end_process(const char* call, const char* what) {
  char line[320] = "kvhost: error: ";
  std::strncat(line, call, sizeof line - std::strlen(line) - 1);
  std::strncat(line, what, sizeof line - std::strlen(line) - 1);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, std::strlen(line));
  _exit(4);
}

void on_fatal_signal(int signal_number) {
  const char* call = current_call.load();
  const char* name =
      signal_number == SIGSEGV  ? ": crashed with SIGSEGV; expected a method that returns\n"
      : signal_number == SIGBUS ? ": crashed with SIGBUS; expected a method that returns\n"
      : signal_number == SIGFPE ? ": crashed with SIGFPE; expected a method that returns\n"
      : signal_number == SIGILL ? ": crashed with SIGILL; expected a method that returns\n"
                                : ": aborted; expected a method that returns\n";
  if (call) end_process(call, name);
  std::signal(signal_number, SIG_DFL);
  raise(signal_number);
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

int64_t allowed_ns() {
  const char* given = std::getenv("KVHOST_PLUGIN_DEADLINE");  // seconds
  const double seconds = given ? std::atof(given) : 300;
  return static_cast<int64_t>(seconds * 1e9);
}

void watch() {
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const int64_t deadline = deadline_ns.load();
    const char* call = current_call.load();
    if (deadline != 0 && call && now_ns() > deadline)
      end_process(
          call,
          ": did not return in time; expected an answer within KVHOST_PLUGIN_DEADLINE seconds\n");
  }
}

void install() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      std::signal(number, &on_fatal_signal);
    std::thread(&watch).detach();
  });
}

}  // namespace

CallGuard::CallGuard(const std::string& method, int64_t layer) {
  install();
  if (layer < 0)
    std::snprintf(text_, sizeof text_, "%s", method.c_str());
  else
    std::snprintf(
        text_, sizeof text_, "%s, layer %lld", method.c_str(), static_cast<long long>(layer));
  outer_ = current_call.exchange(text_);
  deadline_ns = now_ns() + allowed_ns();
}

CallGuard::~CallGuard() {
  if (!outer_) deadline_ns = 0;
  current_call = outer_;
}

}  // namespace kvhost
