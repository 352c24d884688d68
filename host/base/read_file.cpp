// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/file_kind.hpp"
#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

// A file that is open for reading. Opening a fifo does not wait for its writer; reading does.
class Reader {
 public:
  Reader(const std::filesystem::path& path, ExitCode code, int64_t most)
      : path_(path.string()), code_(code), most_(most) {
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd_ < 0) refuse(std::string("cannot be read: ") + std::strerror(errno) + "; expected a file");
  }
  ~Reader() { ::close(fd_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::string all() {
    std::string text;
    const int64_t size = known_size();
    if (size > most_) refuse_size();
    text.reserve(static_cast<size_t>(size));
    // One that is larger than the file would take longer to be made than to be filled.
    const int64_t piece = size > 0 ? std::min<int64_t>(size + 1, 1 << 18) : 1 << 16;
    std::vector<char> bytes(static_cast<size_t>(piece));
    while (const size_t n = some(bytes)) {
      text.append(bytes.data(), n);
      if (static_cast<int64_t>(text.size()) > most_) refuse_size();
    }
    if (static_cast<int64_t>(text.size()) < size)
      refuse("ends after " + std::to_string(text.size()) + " of its " + std::to_string(size) +
             " bytes; expected a file that nothing shortens meanwhile");
    return text;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw Error(code_, path_, what); }
  [[noreturn]] void refuse_size() const {
    refuse("is larger than any file of its kind; expected at most " + format_bytes(most_));
  }

  // Of a regular file; 0 for others, and for those of /proc, which say 0.
  int64_t known_size() const {
    struct stat status = {};
    if (::fstat(fd_, &status) != 0) return 0;
    if (S_ISDIR(status.st_mode)) refuse("is a folder; expected a file");
    return S_ISREG(status.st_mode) ? status.st_size : 0;
  }

  // 0 at the end.
  size_t some(std::vector<char>& bytes) const {
    constexpr int kLookAround = 100;  // milliseconds between two looks for Ctrl-C
    for (;;) {
      throw_if_interrupted();
      pollfd in{fd_, POLLIN, 0};
      if (::poll(&in, 1, kLookAround) <= 0) continue;  // nothing yet, or a signal
      const ssize_t n = ::read(fd_, bytes.data(), bytes.size());
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR && errno != EAGAIN)
        refuse(std::string("cannot be read to its end: ") + std::strerror(errno) +
               "; expected a file on a disk that works");
    }
  }

  std::string path_;
  ExitCode code_;
  int64_t most_;
  int fd_;
};

}  // namespace

std::string read_file(const std::filesystem::path& path, ExitCode code, int64_t most) {
  std::string text = Reader(path, code, most).all();
  if (is_lfs_pointer(text))
    throw Error(code, path.string(), mistaken_file(text, "the file itself"));
  return text;
}

}  // namespace kvhost
