// SPDX-License-Identifier: Apache-2.0
#include "fetch/partial_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int error, int64_t missing) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  run_failed(path.string(),
             std::string("cannot be written: ") + std::strerror(error) +
                 (full ? "; expected room for " + format_bytes(missing) +
                             " more; make some and give the same command: what came is kept"
                       : ""));
}

}  // namespace

PartialFile::PartialFile(fs::path path, const Expected& expected)
    : path_(std::move(path)), expected_(expected), digest_(expected.checksum.kind, expected.bytes) {
  std::error_code wrong;
  fs::create_directories(path_.parent_path(), wrong);
  if (wrong) fail(path_.parent_path(), wrong.value(), expected_.bytes);
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(path_, errno, expected_.bytes);
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    run_failed(path_.string(),
               "is being written by another process; expected it to be free; wait for that one");
  }
  read_existing();
}

PartialFile::~PartialFile() {
  const bool empty = fd_ >= 0 && size_ == 0;
  if (empty) ::unlink(path_.c_str());
  if (fd_ >= 0) ::close(fd_);
}

void PartialFile::read_existing() {
  std::vector<char> piece(1 << 20);
  for (;;) {
    const ssize_t n = ::read(fd_, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    digest_.update(piece.data(), static_cast<size_t>(n));
    size_ += n;
  }
  if (size_ > expected_.bytes) restart();
}

void PartialFile::append(const char* bytes, size_t n) {
  digest_.update(bytes, n);
  while (n > 0) {
    const ssize_t written = ::write(fd_, bytes, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path_, errno, expected_.bytes - size_);
    bytes += written;
    n -= static_cast<size_t>(written);
    size_ += written;
  }
}

void PartialFile::restart() {
  if (ftruncate(fd_, 0) != 0 || lseek(fd_, 0, SEEK_SET) != 0) fail(path_, errno, expected_.bytes);
  digest_ = Digest(expected_.checksum.kind, expected_.bytes);
  size_ = 0;
}

bool PartialFile::matches() { return is_whole() && digest_.hex() == expected_.checksum.hex; }

void PartialFile::publish(const fs::path& target) {
  // the bytes first, then the name: after a power cut the name stands for all of them
  if (fdatasync(fd_) != 0 || std::rename(path_.c_str(), target.c_str()) != 0)
    fail(target, errno, expected_.bytes);
  ::close(std::exchange(fd_, -1));
}

void PartialFile::discard() {
  ::unlink(path_.c_str());
  ::close(std::exchange(fd_, -1));
}

void check_room(const fs::path& folder, int64_t bytes) {
  fs::path there = folder;
  std::error_code wrong;
  while (!fs::exists(there, wrong) && there.has_relative_path()) there = there.parent_path();
  const fs::space_info space = fs::space(there.empty() ? fs::path(".") : there, wrong);
  if (!wrong && space.available < static_cast<uintmax_t>(bytes))
    run_failed(folder.string(),
               "has room for " + format_bytes(static_cast<int64_t>(space.available)) +
                   "; expected " + format_bytes(bytes) + " for what is missing; make some");
}

}  // namespace kvhost
