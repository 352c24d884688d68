// SPDX-License-Identifier: Apache-2.0
// The one exception type for what users can cause. Caught once, in main: one line on stderr, the
// exit code of its kind.
#pragma once

#include <stdexcept>
#include <string>

#include "base/api.hpp"

namespace kvhost {

// Exit codes of the program (see docs/contract.md).
enum class ExitCode : int {
  Ok = 0,
  BadRequest = 2,
  CannotLoad = 3,
  RunFailed = 4,
  Interrupted = 130,
  ClosedPipe = 141  // whoever read the output has gone: no message, the status of a SIGPIPE
};

class KVHOST_API Error : public std::runtime_error {
 public:
  // `where`: flag, file, JSON pointer or column. `what`: what was found; what was expected; nearest
  // name or cure.
  Error(ExitCode code, std::string where, const std::string& what);

  ExitCode code() const { return code_; }
  const std::string& where() const { return where_; }

 private:
  ExitCode code_;
  std::string where_;
};

// `text` with spaces for all control characters. Names of files and what others wrote stand in messages: no newline, nothing
// that a terminal obeys, and no NUL, which ends what().
std::string one_line(std::string text);

[[noreturn]] void bad_request(const std::string& where, const std::string& what);
[[noreturn]] void cannot_load(const std::string& where, const std::string& what);
[[noreturn]] void run_failed(const std::string& where, const std::string& what);

}  // namespace kvhost
