// SPDX-License-Identifier: Apache-2.0
#include "base/hidden_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

namespace kvhost {

namespace fs = std::filesystem;

namespace {

constexpr const char* kBeginning = ".kvhost-";
constexpr const char* kEnding = ".partial";

std::string unused_name() {
  static std::atomic<int> count{0};
  return kBeginning + std::to_string(getpid()) + "-" + std::to_string(count++) + kEnding;
}

int open_nameless(const fs::path& folder) {
  if (::access("/proc/self/fd", X_OK) != 0) return -1;  // could not be given a name later
  return ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
}

// Whoever writes one holds its lock; a killed process holds none.
void remove_if_left_behind(const fs::path& file) {
  const Descriptor left(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (left.fd >= 0 && ::flock(left.fd, LOCK_EX | LOCK_NB) == 0) ::unlink(file.c_str());
}

void remove_left_behind(const fs::path& folder) {
  std::error_code ignored;
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kBeginning) && name.ends_with(kEnding))
      remove_if_left_behind(entry->path());
  }
}

// Some file systems and devices have nothing to wait for.
bool to_disk(int fd) { return ::fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS; }

}  // namespace

Descriptor::~Descriptor() {
  if (fd >= 0) ::close(fd);
}

bool Descriptor::close() { return ::close(std::exchange(fd, -1)) == 0; }

HiddenFile::HiddenFile(const fs::path& folder)
    : folder_(folder), name_(folder / unused_name()), file_(open_nameless(folder)) {
  remove_left_behind(folder);
  if (file_.fd < 0) {
    file_.fd = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    named_ = file_.fd >= 0;
  }
  if (file_.fd >= 0) ::flock(file_.fd, LOCK_EX | LOCK_NB);
}

HiddenFile::~HiddenFile() {
  if (named_) ::unlink(name_.c_str());
}

bool HiddenFile::publish(const fs::path& target) {
  if (!to_disk(file_.fd)) return false;
  if (!named_) {
    const std::string self = "/proc/self/fd/" + std::to_string(file_.fd);
    named_ = linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name_.c_str(), AT_SYMLINK_FOLLOW) == 0;
    if (!named_) return false;
  }
  if (std::rename(name_.c_str(), target.c_str()) != 0) return false;  // the lock is held till now
  named_ = false;
  file_.close();
  // The new name. The file has its place by now, so a folder that cannot be synchronised is no
  // reason to say that nothing was written.
  const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd >= 0) ::fsync(folder.fd);
  return true;
}

}  // namespace kvhost
