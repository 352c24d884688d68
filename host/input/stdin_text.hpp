// SPDX-License-Identifier: Apache-2.0
// Text that is piped into the program.
#pragma once

#include <chrono>
#include <string>

namespace kvhost {

// Whether a command that was given no prompt should take standard input for it: a pipe, a socket or
// a regular file that has something to read. A terminal, /dev/null, an empty file and a closed
// descriptor have nothing. A pipe whose other end is open but silent, as cron jobs, CI runners and
// `ssh host command` hand down, is waited for no longer than `patience`: a writer in the same
// pipeline starts within that, and one that needs longer is read with `-f -`, which asks nothing.
bool stdin_has_text(std::chrono::milliseconds patience = std::chrono::seconds(2));

// All of standard input, up to its end, as bytes. Throws Error(BadRequest) when it is closed or
// cannot be read, Error(Interrupted) after Ctrl-C.
std::string read_stdin();

}  // namespace kvhost
