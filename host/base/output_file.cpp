// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/fd_buffer.hpp"
#include "base/output_place.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int error) {
  run_failed(path.string(), std::string("cannot be written: ") + std::strerror(error));
}

struct Descriptor {
  explicit Descriptor(int opened) : fd(opened) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  // Some file systems tell only here that the bytes did not fit.
  bool close() { return ::close(std::exchange(fd, -1)) == 0; }
  int fd;
};

void fill_descriptor(const fs::path& path, int fd, const std::function<void(std::ostream&)>& fill) {
  FdBuffer buffer(fd, path.string());
  std::ostream out(&buffer);
  out.exceptions(std::ios::badbit);
  try {
    fill(out);
    out.flush();
    if (!out) run_failed(path.string(), "cannot be written");
  } catch (const std::ios::failure&) {
    run_failed(path.string(), "cannot be written");
  }
}

void fill_standard_output(const std::function<void(std::ostream&)>& fill) {
  fill(std::cout);
  std::cout.flush();
  if (!std::cout) run_failed("standard output", "cannot be written");
}

// A file in `folder` that vanishes with the process until `publish`. Where the file system has no
// files without a name, it has one from the start and the destructor removes it.
class HiddenFile {
 public:
  explicit HiddenFile(const fs::path& folder)
      : name_(folder / unused_name()), file_(open_nameless(folder)) {
    if (file_.fd >= 0) return;
    file_.fd = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    named_ = file_.fd >= 0;
  }
  ~HiddenFile() {
    if (named_) ::unlink(name_.c_str());
  }
  HiddenFile(const HiddenFile&) = delete;
  HiddenFile& operator=(const HiddenFile&) = delete;

  int fd() const { return file_.fd; }

  // Takes the place of `target`; false, with errno, when that failed.
  bool publish(const fs::path& target) {
    if (!named_) {
      const std::string self = "/proc/self/fd/" + std::to_string(file_.fd);
      named_ = linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name_.c_str(), AT_SYMLINK_FOLLOW) == 0;
      if (!named_) return false;
    }
    if (!file_.close() || std::rename(name_.c_str(), target.c_str()) != 0) return false;
    named_ = false;
    return true;
  }

 private:
  static int open_nameless(const fs::path& folder) {
    if (::access("/proc/self/fd", X_OK) != 0) return -1;  // could not be given a name later
    return ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  }
  static std::string unused_name() {
    static std::atomic<int> count{0};
    return ".kvhost-" + std::to_string(getpid()) + "-" + std::to_string(count++) + ".partial";
  }

  fs::path name_;
  Descriptor file_;
  bool named_ = false;
};

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
  Descriptor file(::open(place.file.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (file.fd < 0) fail(path, errno);
  fill_descriptor(path, file.fd, fill);
  if (!file.close()) fail(path, errno);
}

}  // namespace kvhost
