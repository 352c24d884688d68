// SPDX-License-Identifier: Apache-2.0
// A plugin is native code in this process: when it crashes, nothing can be resumed. What can be
// done is to say who it was, and to take back what it changed of the thread and the process that
// are not its own. A thread that enters a plugin says so with a guard; a program that wants crashes
// and calls without end turned into one line installs the watch (call_watch.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "method/call_board.hpp"
#include "method/float_state.hpp"

namespace kvhost {

// What a thread is in; read by signal handlers and by other threads. Kept when the thread ends, for
// the next one.
struct ThreadCalls {
  std::atomic<const CallSite*> site{nullptr};  // null: outside of plugins
  std::atomic<const char*> function{nullptr};
  std::atomic<int64_t> layer{-1};
  std::atomic<int64_t> since_ns{0};  // when the outermost call began; 0: outside
  std::atomic<bool> taken{false};
  ThreadCalls* next = nullptr;

  CallPlace place() const { return {site, function, layer}; }
};

class CallGuard {
 public:
  // Of the calling thread; guards nest (a wrapper calls what is inside it), the innermost speaks.
  // `function` is a literal as errors name it, "score()". `layer` < 0: not about one layer.
  CallGuard(const CallSite& site, const char* function, int64_t layer);
  // A share of `owner`'s call on another of the host's threads.
  explicit CallGuard(CallGuard& owner);
  ~CallGuard();
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

  // While a library is opened: the visit goes on in another of its functions. What the last one
  // left changed is told by check(); floating-point state is put back without a word, since
  // libraries change it behind their authors' backs (-ffast-math).
  void go_on(const char* function);
  // After the call: throws Error when it left changed what it must not change. All of that is as it
  // was by then.
  void check();
  // The same where nothing may be thrown; the next check() on any thread throws it.
  void check_later() noexcept;

  CallPlace place() const { return place_; }
  static CallGuard* innermost();

 private:
  void enter();
  const char* restore_floats();

  CallPlace place_;
  CallPlace outer_place_;
  CallGuard* outer_;  // on the same thread, or null
  CallGuard* owner_ = nullptr;
  ThreadCalls& thread_;
  FloatState floats_;
  std::atomic<const char*> share_changed_{nullptr};  // what a share left changed
  std::string noted_;                                // what an earlier function did, and where
  CallPlace noted_place_;
};

// The clock of since_ns: a few milliseconds coarse, and cheap.
int64_t coarse_now_ns();

// All that ever entered a plugin; safe to walk in a signal handler.
ThreadCalls* all_threads();
// Of this thread, null when it never entered a plugin. Safe in a signal handler.
ThreadCalls* own_thread();

// "METHOD" or "METHOD, layer N".
std::string name_of(const CallPlace& place);

// Throws what check_later() found, if anything.
void raise_what_was_found();

}  // namespace kvhost
