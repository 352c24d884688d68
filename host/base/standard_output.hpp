// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/fd_buffer.hpp"

namespace kvhost {

// While one lives, std::cout writes to standard output itself and a failure is an Error where it
// happens, in whatever `std::cout << ...` met it. Once, from main; nothing else writes to stdout.
class StandardOutput {
 public:
  // Gives closed descriptors 0, 1 and 2 to /dev/null, so that no file that is opened later becomes
  // the standard output.
  StandardOutput();
  ~StandardOutput();
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  // Throws Error(RunFailed) when standard output is closed or open for reading only.
  void check() const;
  void flush();
  // Before an error line: ends a half-written line where the two would stand on the same one.
  void end_line() noexcept;

 private:
  FdBuffer buffer_;
  std::streambuf* replaced_;
};

}  // namespace kvhost
