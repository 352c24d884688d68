// SPDX-License-Identifier: Apache-2.0
#include "format/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace kvhost {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const auto fail = [&](const char* what) {
    cannot_load(path.string(), std::string(what) + std::strerror(errno));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot be opened: ");
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  struct stat status {};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  if (regular && status.st_size > 0) {
    void* mapped =
        ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped != MAP_FAILED) {
      file->data_ = static_cast<std::byte*>(mapped);
      file->size_ = static_cast<size_t>(status.st_size);
    }
  }
  ::close(fd);
  if (!regular) cannot_load(path.string(), "is not a regular file; expected a safetensors file");
  if (status.st_size > 0 && !file->data_) fail("cannot be mapped: ");
  return file;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace kvhost
