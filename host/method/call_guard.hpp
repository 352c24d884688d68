// SPDX-License-Identifier: Apache-2.0
// A plugin is native code in this process: when it crashes, nothing can be resumed. What can be
// done is to say who it was. A thread that calls a plugin says so with a guard; a program that
// wants fatal signals and calls without end turned into one line installs the watch.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kvhost {

class CallGuard {
 public:
  // `layer` < 0: not about one layer. Of the calling thread; guards nest (a wrapper calls what is
  // inside it), the innermost speaks.
  CallGuard(const std::string& method, int64_t layer);
  ~CallGuard();
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  friend class CallWatch;

  CallGuard* outer_;  // on the same thread, or null
  std::chrono::steady_clock::time_point started_;
  char text_[192];
};

// From now on a fatal signal inside a guarded call, or a call that lasts longer than `deadline`,
// ends the process with the usual one line and exit code 4, instead of a bare "Segmentation fault"
// or silence. Once per process, by the program: libraries leave signals alone.
void install_call_watch(std::chrono::nanoseconds deadline);

}  // namespace kvhost
