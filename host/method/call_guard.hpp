// SPDX-License-Identifier: Apache-2.0
// A plugin is native code in this process: when it crashes, nothing can be resumed. What can be
// done is to say who it was. While a guard lives, a fatal signal or a call that outlasts the
// deadline ends the process with the usual one line and exit code 4, instead of a bare
// "Segmentation fault" or silence.
#pragma once

#include <cstdint>
#include <string>

namespace kvhost {

class CallGuard {
 public:
  // `layer` < 0: not about one layer. Guards do not nest across threads: one plugin call runs at a
  // time per process.
  CallGuard(const std::string& method, int64_t layer);
  ~CallGuard();
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  const char* outer_;  // text of the guard around this one, or null
  char text_[192];
};

}  // namespace kvhost
