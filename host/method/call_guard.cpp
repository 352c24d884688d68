// SPDX-License-Identifier: Apache-2.0
#include "method/call_guard.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

namespace kvhost {
namespace {

thread_local CallGuard* innermost = nullptr;
// The call that began last, on whatever thread: who is named when a thread that a plugin started,
// or one of libtorch's, crashes.
std::atomic<CallGuard*> latest{nullptr};

// Async-signal-safe: write and _exit only.
[[noreturn]] void end_process(const char* call, const char* what) {
  char line[320] = "kvhost: error: ";
  std::strncat(line, call, sizeof line - std::strlen(line) - 1);
  std::strncat(line, what, sizeof line - std::strlen(line) - 1);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, std::strlen(line));
  _exit(4);
}

const char* words_of(int signal_number) {
  switch (signal_number) {
    case SIGSEGV:
      return ": crashed with SIGSEGV; expected a method that returns\n";
    case SIGBUS:
      return ": crashed with SIGBUS; expected a method that returns\n";
    case SIGFPE:
      return ": crashed with SIGFPE; expected a method that returns\n";
    case SIGILL:
      return ": crashed with SIGILL; expected a method that returns\n";
    default:
      return ": aborted; expected a method that returns\n";
  }
}

}  // namespace

// The outermost guards of all threads, and the thread that looks at their clocks.
class CallWatch {
 public:
  static CallWatch& of_process() {
    static auto* watch = new CallWatch;  // never destroyed: its thread outlives main
    return *watch;
  }

  void install(std::chrono::nanoseconds deadline) {
    const std::lock_guard lock(mutex_);
    if (watching_) return;
    watching_ = true;
    deadline_ = deadline;
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      std::signal(number, &on_fatal_signal);
    std::thread([this] { run(); }).detach();
  }

  void enter(CallGuard* guard) {
    const std::lock_guard lock(mutex_);
    running_.push_back(guard);
    latest = guard;
  }

  void leave(CallGuard* guard) {
    const std::lock_guard lock(mutex_);
    running_.erase(std::find(running_.begin(), running_.end(), guard));
    latest = running_.empty() ? nullptr : running_.back();
  }

 private:
  static void on_fatal_signal(int signal_number) {
    const CallGuard* guard = innermost ? innermost : latest.load();
    if (guard) end_process(guard->text_, words_of(signal_number));
    std::signal(signal_number, SIG_DFL);
    raise(signal_number);
  }

  [[noreturn]] void run() {
    while (true) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      const std::lock_guard lock(mutex_);
      const auto now = std::chrono::steady_clock::now();
      for (const CallGuard* guard : running_)
        if (now - guard->started_ > deadline_)
          end_process(guard->text_,
                      ": did not return in time; expected an answer within "
                      "KVHOST_PLUGIN_DEADLINE seconds\n");
    }
  }

  std::mutex mutex_;
  std::vector<CallGuard*> running_;
  std::chrono::nanoseconds deadline_{};
  bool watching_ = false;
};

CallGuard::CallGuard(const std::string& method, int64_t layer)
    : outer_(innermost), started_(std::chrono::steady_clock::now()) {
  if (layer < 0)
    std::snprintf(text_, sizeof text_, "%s", method.c_str());
  else
    std::snprintf(
        text_, sizeof text_, "%s, layer %lld", method.c_str(), static_cast<long long>(layer));
  innermost = this;
  if (!outer_) CallWatch::of_process().enter(this);
}

CallGuard::~CallGuard() {
  if (!outer_) CallWatch::of_process().leave(this);
  innermost = outer_;
}

void install_call_watch(std::chrono::nanoseconds deadline) {
  CallWatch::of_process().install(deadline);
}

}  // namespace kvhost
