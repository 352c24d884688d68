// SPDX-License-Identifier: Apache-2.0
#include "base/standard_output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>

#include "base/error.hpp"

namespace kvhost {

namespace {

// A closed stdout becomes one that cannot be written, so that writing to it is still an error.
int fill_gaps() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0) {
      const int opened = open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
      if (opened >= 0 && opened != fd) close(opened);  // the lowest free one is `fd`
    }
  return STDOUT_FILENO;
}

bool same_file(int a, int b) {
  struct stat first = {}, second = {};
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

StandardOutput::StandardOutput() : buffer_(fill_gaps(), "standard output") {
  std::cout.flush();
  replaced_ = std::cout.rdbuf(&buffer_);
  std::cout.exceptions(std::ios::badbit);
}

StandardOutput::~StandardOutput() {
  std::cout.exceptions(std::ios::goodbit);
  std::cout.flush();
  std::cout.rdbuf(replaced_);
}

void StandardOutput::check() const {
  const int mode = fcntl(STDOUT_FILENO, F_GETFL);
  if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY)
    run_failed("standard output", "is closed; expected one that can be written");
}

void StandardOutput::flush() { std::cout.flush(); }

void StandardOutput::end_line() noexcept {
  try {
    std::cout.clear();
    std::cout.flush();
    if (buffer_.at_line_start()) return;
    if (isatty(STDOUT_FILENO) == 1 || same_file(STDOUT_FILENO, STDERR_FILENO))
      std::cout << '\n' << std::flush;
  } catch (...) {  // the error that is about to be told is the one that counts
  }
}

}  // namespace kvhost
