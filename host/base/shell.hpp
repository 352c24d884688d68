// SPDX-License-Identifier: Apache-2.0
// Commands that the shell runs, and what they said.
#pragma once

#include <optional>
#include <string>

namespace kvhost {

// `text` as one word of a command, whatever is in it.
std::string shell_word(const std::string& text);

struct Said {
  std::string text;  // on standard output
  int status = 0;    // as waitpid() has it
  bool well() const { return status == 0; }
  std::string last_line() const;  // the last one that is not empty; "" where there is none
};

// Waits for the end of `command`. Nothing where no shell can be started.
std::optional<Said> said_by(const std::string& command);

}  // namespace kvhost
