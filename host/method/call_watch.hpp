// SPDX-License-Identifier: Apache-2.0
// Ends that would be silent, turned into the one line of an error. What is held, and what is not,
// is told in docs/guards.md.
#pragma once

#include <chrono>

namespace kvhost {

// From now on a fatal signal, an exception that nothing catches, and exit() called anywhere but at
// the end of main end the process with one line and exit code 4, and so does a call into a plugin
// that lasts longer than `deadline`. What the process has now is what plugins must leave as it is.
// Once per process, by the program: libraries leave signals alone.
void install_call_watch(std::chrono::nanoseconds deadline);

// The line of a process that ended without a word, as far as its board tells: `what` is "was
// killed with SIGKILL". Written to standard error.
void tell_silent_end(const char* what);

}  // namespace kvhost
