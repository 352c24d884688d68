// SPDX-License-Identifier: Apache-2.0
#include "base/fd_buffer.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/interrupt.hpp"

namespace kvhost {

namespace {

constexpr size_t kAtATime = 4096;  // what a pipe that has any room takes at once

bool may_wait(int fd) {
  struct stat found = {};
  return fstat(fd, &found) == 0 && !S_ISREG(found.st_mode);
}

}  // namespace

FdBuffer::FdBuffer(int fd, std::string where)
    : fd_(fd), may_wait_(may_wait(fd)), where_(std::move(where)) {
  setp(held_.data(), held_.data() + held_.size());
}

FdBuffer::int_type FdBuffer::overflow(int_type byte) {
  send_held();
  if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
  return sputc(traits_type::to_char_type(byte));
}

int FdBuffer::sync() {
  send_held();
  return 0;
}

std::streamsize FdBuffer::xsputn(const char* bytes, std::streamsize n) {
  if (n <= epptr() - pptr()) return std::streambuf::xsputn(bytes, n);
  send_held();
  send(bytes, static_cast<size_t>(n));
  return n;
}

// What is held counts as gone even when it could not be sent: a later flush must not fail again.
void FdBuffer::send_held() {
  const auto n = static_cast<size_t>(pptr() - pbase());
  setp(held_.data(), held_.data() + held_.size());
  send(held_.data(), n);
}

void FdBuffer::wait_for_room() const {
  constexpr int kLookAround = 100;  // milliseconds between two looks for Ctrl-C
  pollfd room{fd_, POLLOUT, 0};
  while (::poll(&room, 1, kLookAround) <= 0) throw_if_interrupted();
}

void FdBuffer::send(const char* bytes, size_t n) {
  while (n > 0) {
    if (may_wait_) wait_for_room();
    const ssize_t sent = ::write(fd_, bytes, may_wait_ ? std::min(n, kAtATime) : n);
    if (sent >= 0) {
      at_line_start_ = sent > 0 ? bytes[sent - 1] == '\n' : at_line_start_;
      bytes += sent;
      n -= static_cast<size_t>(sent);
    } else if (errno == EPIPE) {
      throw Error(ExitCode::ClosedPipe, where_, "the reader has closed the pipe");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_for_room();  // somebody else made the descriptor non-blocking
    } else if (errno != EINTR) {
      run_failed(where_,
                 std::string("cannot be written: ") + std::strerror(errno) +
                     "; expected a place that takes all of it");
    }
  }
}

}  // namespace kvhost
