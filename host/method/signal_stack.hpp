// SPDX-License-Identifier: Apache-2.0
// A stack for signal handlers, so that a thread that used up its own can still say so.
#pragma once

#include <csignal>

namespace kvhost {

class SignalStack {
 public:
  // Of the calling thread, until this goes; nothing where the thread has one already.
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  stack_t mine_{};  // ss_sp null: none
};

}  // namespace kvhost
