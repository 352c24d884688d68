// SPDX-License-Identifier: Apache-2.0
#include "base/fd_buffer.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace kvhost {

FdBuffer::FdBuffer(int fd, std::string where) : fd_(fd), where_(std::move(where)) {
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

void FdBuffer::send(const char* bytes, size_t n) {
  while (n > 0) {
    const ssize_t sent = ::write(fd_, bytes, n);
    if (sent >= 0) {
      at_line_start_ = sent > 0 ? bytes[sent - 1] == '\n' : at_line_start_;
      bytes += sent;
      n -= static_cast<size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd room{fd_, POLLOUT, 0};  // somebody else made the descriptor non-blocking
      ::poll(&room, 1, -1);
    } else if (errno == EPIPE) {
      throw Error(ExitCode::ClosedPipe, where_, "the reader has closed the pipe");
    } else if (errno != EINTR) {
      run_failed(where_, std::string("cannot be written: ") + std::strerror(errno));
    }
  }
}

}  // namespace kvhost
