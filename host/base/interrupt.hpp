// SPDX-License-Identifier: Apache-2.0
// Ctrl-C: the first one asks the running work to stop at its next safe point, the second one ends
// the process.
#pragma once

namespace kvhost {

// Once, from main, before work starts. Covers SIGINT and SIGTERM.
void install_interrupt_handler();

// For programs that go on after a Ctrl-C: forgets the one that came, and asks again to be told of
// the next. System calls that wait (a line being typed) then end early.
void rearm_interrupt();

// True after the first Ctrl-C.
bool interrupted();

// Called between layers, token chunks and generated tokens: throws Error(Interrupted) after the
// first Ctrl-C. Files are written beside and renamed, so leaving this way leaves none half-written.
void throw_if_interrupted();

}  // namespace kvhost
