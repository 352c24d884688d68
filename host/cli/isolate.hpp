// SPDX-License-Identifier: Apache-2.0
// --isolate: the command runs in a child process, and this one waits to tell how it ends where it
// does not tell by itself. It holds what cannot be held within a process: _exit(), a signal handler
// that a plugin installed, SIGKILL.
#pragma once

namespace kvhost {

// What the flag asks for; main does it once all flags are parsed.
void ask_for_isolation();
bool isolation_asked();

// Returns in the child; the other process ends as the child did, and with one line and exit code 4
// where that was in silence. Before any thread is started. Throws Error when there is no process to
// be had.
void isolate();

}  // namespace kvhost
