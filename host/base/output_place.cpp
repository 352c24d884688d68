// SPDX-License-Identifier: Apache-2.0
#include "base/output_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kvhost {

namespace fs = std::filesystem;

namespace {

constexpr int kMostLinks = 40;  // as the kernel

OutputPlace unusable(std::string wrong) {
  return {OutputPlace::Kind::Unusable, {}, -1, std::move(wrong)};
}

std::string cannot(int error) {
  return std::string("cannot be written: ") + std::strerror(error) +
         "; expected a name and a place that this user can write";
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

// The N of /dev/fd/N and its like, -1 for all else. Opening such a path anew would write a file
// from its beginning, over what others wrote through the descriptor.
int descriptor_of(const fs::path& file) {
  const std::string name = file.filename().string();
  const bool number =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (name.empty() || name.size() > 6 || !number) return -1;
  std::error_code ignored;
  const fs::path folder = fs::canonical(folder_of(file), ignored);
  return folder == "/proc/" + std::to_string(getpid()) + "/fd" ? std::stoi(name) : -1;
}

OutputPlace place_of_descriptor(int fd) {
  const int mode = fcntl(fd, F_GETFL);
  if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY)
    return unusable("descriptor " + std::to_string(fd) + " is not open for writing; expected one that is");
  return {OutputPlace::Kind::Descriptor, {}, fd, ""};
}

OutputPlace place_of_file(const fs::path& file) {
  struct stat found = {};
  if (stat(file.c_str(), &found) != 0) {
    if (errno != ENOENT) return unusable(cannot(errno));
    const fs::path folder = folder_of(file);
    if (stat(folder.c_str(), &found) != 0)
      return unusable("cannot be written: found no folder '" + folder.string() +
                      "'; expected one that exists");
    if (!file.has_filename()) return unusable("is a folder; expected a file to write");
    return {OutputPlace::Kind::Beside, file, -1, ""};
  }
  if (S_ISDIR(found.st_mode)) return unusable("is a folder; expected a file to write");
  if (S_ISSOCK(found.st_mode)) return unusable("is a socket; expected a file to write");
  return {S_ISREG(found.st_mode) ? OutputPlace::Kind::Beside : OutputPlace::Kind::InPlace,
          file,
          -1,
          ""};
}

// What renaming over `file` needs: a folder that takes files, and a file that may be replaced.
std::string why_not_replaceable(const fs::path& file) {
  const fs::path folder = folder_of(file);
  if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return "cannot be written: the folder '" + folder.string() +
           "' takes no new file: " + std::strerror(errno) + "; expected one that does";
  struct stat in = {}, old = {};
  if (stat(file.c_str(), &old) != 0) {
    const long longest = pathconf(folder.c_str(), _PC_NAME_MAX);
    const auto length = static_cast<long>(file.filename().string().size());
    return longest > 0 && length > longest ? cannot(ENAMETOOLONG) : "";
  }
  if (faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0) return cannot(errno);
  const uid_t self = geteuid();
  if (stat(folder.c_str(), &in) == 0 && (in.st_mode & S_ISVTX) != 0 && self != 0 &&
      self != in.st_uid && self != old.st_uid)
    return "belongs to another user in a folder where only owners replace files; expected another "
           "place";
  return "";
}

}  // namespace

OutputPlace find_output_place(const fs::path& path) {
  if (path == "-") return place_of_descriptor(STDOUT_FILENO);
  fs::path file = path;
  std::error_code failed;
  for (int links = 0; links < kMostLinks; ++links) {
    if (const int fd = descriptor_of(file); fd >= 0) return place_of_descriptor(fd);
    if (!fs::is_symlink(fs::symlink_status(file, failed))) return place_of_file(file);
    const fs::path target = fs::read_symlink(file, failed);
    if (failed) return unusable(cannot(failed.value()));
    file = target.is_absolute() ? target : folder_of(file) / target;
  }
  return unusable(cannot(ELOOP));
}

bool is_standard_output(const fs::path& path) {
  if (path == "-") return true;
  const OutputPlace place = find_output_place(path);
  return place.kind == OutputPlace::Kind::Descriptor && place.descriptor == STDOUT_FILENO;
}

std::string why_not_writable(const fs::path& path) {
  const OutputPlace place = find_output_place(path);
  if (place.kind == OutputPlace::Kind::Beside) return why_not_replaceable(place.file);
  if (place.kind != OutputPlace::Kind::InPlace) return place.wrong;
  if (faccessat(AT_FDCWD, place.file.c_str(), W_OK, AT_EACCESS) != 0) return cannot(errno);
  struct stat found = {};
  if (stat(place.file.c_str(), &found) != 0 || S_ISFIFO(found.st_mode))
    return "";  // opening a fifo would wait for its reader, or end what it reads
  const int fd = open(place.file.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return cannot(errno);
  close(fd);
  return "";
}

std::string output_identity(const fs::path& path) {
  const OutputPlace place = find_output_place(path);
  struct stat found = {};
  const bool there = place.kind == OutputPlace::Kind::Descriptor
                         ? fstat(place.descriptor, &found) == 0
                         : stat(place.file.c_str(), &found) == 0;
  if (!there) {
    std::error_code ignored;
    const fs::path folder = fs::canonical(folder_of(place.file), ignored);
    return "file " + (folder / place.file.filename()).string();
  }
  if (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode)) return "";
  return "inode " + std::to_string(found.st_dev) + " " + std::to_string(found.st_ino);
}

}  // namespace kvhost
