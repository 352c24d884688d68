// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <streambuf>
#include <string>

namespace kvhost {

// Bytes onto a file descriptor, which stays the caller's. A write that fails throws
// Error(RunFailed) that names `where` and the system's reason, or Error(ClosedPipe) when the reader
// has gone, or Error(Interrupted) after a Ctrl-C while a reader keeps it waiting; with
// exceptions(std::ios::badbit) set, the stream's own operators let it through.
class FdBuffer : public std::streambuf {
 public:
  FdBuffer(int fd, std::string where);

  // False after output that does not end with a newline.
  bool at_line_start() const { return at_line_start_; }

 protected:
  int_type overflow(int_type byte) override;
  int sync() override;
  std::streamsize xsputn(const char* bytes, std::streamsize n) override;

 private:
  void send(const char* bytes, size_t n);
  void send_held();

  // Waits until writing takes at least a little without being held up, and looks for Ctrl-C while
  // it does.
  void wait_for_room() const;

  int fd_;
  bool may_wait_;  // a pipe, socket or terminal, whose reader may be slow
  std::string where_;
  bool at_line_start_ = true;
  std::array<char, 1 << 14> held_;
};

}  // namespace kvhost
