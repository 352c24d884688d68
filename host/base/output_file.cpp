// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>

#include "base/error.hpp"
#include "base/fd_buffer.hpp"
#include "base/hidden_file.hpp"
#include "base/interrupt.hpp"
#include "base/output_place.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int error) {
  run_failed(path.string(),
             std::string("cannot be written: ") + std::strerror(error) +
                 "; expected a place that takes all of it");
}

void fill_descriptor(const fs::path& path, int fd, const std::function<void(std::ostream&)>& fill) {
  FdBuffer buffer(fd, path.string());
  std::ostream out(&buffer);
  out.exceptions(std::ios::badbit);
  try {
    fill(out);
    out.flush();
    if (!out) fail(path, EIO);
  } catch (const std::ios::failure&) {
    fail(path, EIO);
  }
}

void fill_standard_output(const std::function<void(std::ostream&)>& fill) {
  fill(std::cout);
  std::cout.flush();
  if (!std::cout) fail("standard output", EIO);
}

// Owner and permissions of the file that is replaced. The owner only where this user may give files
// away: otherwise the new file is this user's, as with any program that renames.
void keep_permissions(const fs::path& target, int fd) {
  struct stat old = {}, made = {};
  if (stat(target.c_str(), &old) != 0 || fstat(fd, &made) != 0) return;
  const bool same_owner = old.st_uid == made.st_uid && old.st_gid == made.st_gid;
  if (!same_owner && fchown(fd, old.st_uid, old.st_gid) != 0 &&
      fchown(fd, static_cast<uid_t>(-1), old.st_gid) != 0)
    old.st_mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
  if (old.st_mode != made.st_mode && fchmod(fd, old.st_mode & 07777) != 0) fail(target, errno);
}

void write_beside(const fs::path& path,
                  const fs::path& target,
                  const std::function<void(std::ostream&)>& fill) {
  HiddenFile hidden(target.has_parent_path() ? target.parent_path() : fs::path("."));
  if (hidden.fd() < 0) fail(path, errno);
  fill_descriptor(path, hidden.fd(), fill);
  keep_permissions(target, hidden.fd());
  if (!hidden.publish(target)) fail(path, errno);
}

// A fifo without a reader cannot be opened for writing yet; Ctrl-C ends the waiting for one.
int open_in_place(const fs::path& file) {
  constexpr auto kLookAround = std::chrono::milliseconds(20);
  for (;;) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
      const int mode = fcntl(fd, F_GETFL);
      if (mode >= 0) fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
      return fd;
    }
    if (errno != ENXIO || !fs::is_fifo(file)) return -1;
    throw_if_interrupted();
    std::this_thread::sleep_for(kLookAround);
  }
}

}  // namespace

void write_file(const fs::path& path, const std::function<void(std::ostream&)>& fill) {
  const OutputPlace place = find_output_place(path);
  switch (place.kind) {
    case OutputPlace::Kind::Unusable:
      run_failed(path.string(), place.wrong);
    case OutputPlace::Kind::Beside:
      return write_beside(path, place.file, fill);
    case OutputPlace::Kind::Descriptor:
      if (place.descriptor == STDOUT_FILENO) return fill_standard_output(fill);
      return fill_descriptor(path, place.descriptor, fill);
    case OutputPlace::Kind::InPlace:
      break;
  }
  Descriptor file(open_in_place(place.file));
  if (file.fd < 0) fail(path, errno);
  fill_descriptor(path, file.fd, fill);
  if (!file.close()) fail(path, errno);
}

}  // namespace kvhost
