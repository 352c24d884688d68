// SPDX-License-Identifier: Apache-2.0
// Where a method's learned file lies, and the file in memory.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "sdk.hpp"

namespace kvhost::sdk {

// A regular file, mapped read-only for the life of the object.
class MappedFile {
 public:
  // [create] Throws KVH_E_RESOURCE.
  explicit MappedFile(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) bad_resource("", "'" + path + "': " + std::strerror(errno));
    struct stat status {};
    const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    size_ = regular ? static_cast<size_t>(status.st_size) : 0;
    if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    ::close(file);
    if (size_ == 0 || data_ == MAP_FAILED) {
      data_ = MAP_FAILED;
      bad_resource("", "'" + path + "' is empty or no regular file");
    }
  }
  ~MappedFile() {
    if (data_ != MAP_FAILED) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  char* data() const { return static_cast<char*>(data_); }
  size_t size() const { return size_; }

 private:
  void* data_ = MAP_FAILED;
  size_t size_ = 0;
};

// A learned file as text: a regular file of at most `most` bytes, which its kind explains.
// [create] Throws KVH_E_RESOURCE at `parameter`; `expected` says what the file should be.
inline std::string read_resource(const std::string& path,
                                 int64_t most,
                                 const std::string& parameter,
                                 const std::string& expected) {
  const auto refuse = [&](const std::string& what) {
    bad_resource(parameter, "'" + path + "' " + what + "; expected " + expected);
  };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  std::string text(regular && status.st_size <= most ? static_cast<size_t>(status.st_size) : 0, 0);
  size_t n = 0;
  ssize_t got = 1;
  while (n < text.size() && (got > 0 || (got < 0 && errno == EINTR))) {
    got = ::read(file, text.data() + n, text.size() - n);
    if (got > 0) n += static_cast<size_t>(got);
  }
  const int error = got < 0 ? errno : 0;
  ::close(file);
  if (!regular) refuse("is no regular file");
  if (status.st_size > most) refuse("has " + std::to_string(status.st_size) + " bytes");
  if (n < text.size())
    refuse("cannot be read to its end: " + std::string(error ? std::strerror(error) : "it shrank"));
  return text;
}

// The number of the first of `n` floats that is NaN or infinite, -1 where there is none. A learned
// file that holds one would spoil every score, and the keys be blamed.
inline int64_t first_not_finite(const float* values, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    if (!std::isfinite(values[i])) return i;
  return -1;
}

// The path of a parameter: as given, or else inside the model's folder; `fallback` when none was
// given. May not exist: opening says so.
inline std::string resource_path(const kvh_model& model,
                                 const std::string& given,
                                 const std::string& fallback) {
  const std::string& name = given.empty() ? fallback : given;
  const std::string folder = model.model_dir ? model.model_dir : "";
  const bool as_it_is = name[0] == '/' || (!given.empty() && ::access(name.c_str(), F_OK) == 0);
  return as_it_is || folder.empty() ? name : folder + "/" + name;
}

}  // namespace kvhost::sdk
