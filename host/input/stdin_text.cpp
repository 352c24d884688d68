// SPDX-License-Identifier: Apache-2.0
#include "input/stdin_text.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

// Waits until there is something to read or the other end is closed; false when neither came.
bool wait_for_stdin(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd in{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&in, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready > 0;
    throw_if_interrupted();
  }
}

bool rest_of_file(const struct stat& found) {
  const off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
  return at >= 0 && at < found.st_size;
}

}  // namespace

bool stdin_has_text(std::chrono::milliseconds patience) {
  struct stat found = {};
  if (fstat(STDIN_FILENO, &found) != 0) return false;
  if (S_ISREG(found.st_mode)) return rest_of_file(found);
  if (!S_ISFIFO(found.st_mode) && !S_ISSOCK(found.st_mode)) return false;
  if (!wait_for_stdin(patience)) return false;
  if (S_ISSOCK(found.st_mode)) {
    char byte;  // a socket that was closed is ready to read, too
    return recv(STDIN_FILENO, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  int waiting = 0;
  return ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > 0;
}

std::string read_stdin() {
  constexpr int kLookAround = 200;  // milliseconds between two looks for Ctrl-C
  std::string text;
  char bytes[1 << 16];
  for (;;) {
    throw_if_interrupted();
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (::poll(&in, 1, kLookAround) == 0 || in.revents == 0) continue;
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n == 0) return text;
    if (n > 0) {
      text.append(bytes, static_cast<size_t>(n));
      if (static_cast<int64_t>(text.size()) > kMostTextBytes)
        bad_request("standard input",
                    "goes on beyond any text; expected at most " + format_bytes(kMostTextBytes));
    } else if (errno != EINTR && errno != EAGAIN) {
      bad_request("standard input", std::string("cannot be read: ") + std::strerror(errno) + "; expected text");
    }
  }
}

}  // namespace kvhost
