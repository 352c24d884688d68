// SPDX-License-Identifier: Apache-2.0
// What a plugin must leave alone because all of the process has it: working folder, locale, signal
// handlers, limits, the three standard descriptors; and the signal mask of the thread.
#pragma once

#include <string>

namespace kvhost {

// From now on these are what the process has; once, by the program. Without it nothing is looked
// at: other programs have their own ideas.
void remember_process_state();

// Likewise of the calling thread, before its first call into a plugin.
void remember_thread_state();

// What differs from that now, in words, "" when nothing does; it is put back. Costs a few
// microseconds.
std::string restore_process_state();

// A standard error that stays when descriptor 2 is closed; -1 before remember_process_state(). Safe
// in a signal handler.
int kept_standard_error();

}  // namespace kvhost
