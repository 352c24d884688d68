// SPDX-License-Identifier: Apache-2.0
#include "base/interrupt.hpp"

#include <atomic>
#include <csignal>

#include "base/error.hpp"

namespace kvhost {

namespace {

// Read by every thread that works; a handler may write what is free of locks.
std::atomic<int> pending = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int) { pending = 1; }

// A signal that whoever started the program chose to ignore (nohup, `trap '' INT`) stays ignored.
void install_for(int number, const struct sigaction& action) {
  struct sigaction now = {};
  if (sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) return;
  sigaction(number, &action, nullptr);
}

void install(int restart) {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  // After the first signal the default returns, so that a second one ends the process whatever it
  // is doing.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | restart;
  sigemptyset(&action.sa_mask);
  install_for(SIGINT, action);
  install_for(SIGTERM, action);
}

}  // namespace

void install_interrupt_handler() { install(SA_RESTART); }

void rearm_interrupt() {
  pending = 0;
  install(0);
}

bool interrupted() { return pending != 0; }

void throw_if_interrupted() {
  if (pending != 0) throw Error(ExitCode::Interrupted, "", "interrupted; nothing more was written");
}

}  // namespace kvhost
