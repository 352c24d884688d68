// SPDX-License-Identifier: Apache-2.0
#include "format/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"
#include "base/process_memory.hpp"

namespace kvhost {

namespace {

constexpr size_t kLargePage = size_t{2} << 20;

struct Pages {
  void* reserved = MAP_FAILED;
  size_t bytes = 0;
  std::byte* data = nullptr;
};

Pages map_file(int fd, size_t size) {
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  return {mapped, size, static_cast<std::byte*>(mapped)};
}

// A large page begins at a multiple of its size; one more makes room for that.
Pages large_pages(size_t size) {
  const size_t bytes = size + kLargePage;
  void* reserved =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return {};
  const auto at = reinterpret_cast<uintptr_t>(reserved);
  auto* data = static_cast<std::byte*>(reserved) + (kLargePage - at % kLargePage) % kLargePage;
  ::madvise(data, size, MADV_HUGEPAGE);  // where there are none, small ones do
  return {reserved, bytes, data};
}

// False with errno where the file cannot be read or has become shorter.
bool read_all(int fd, std::byte* to, size_t size) {
  constexpr size_t kMost = size_t{1} << 30;  // of one read()
  for (size_t done = 0; done < size;) {
    const ssize_t n =
        ::pread(fd, to + done, std::min(size - done, kMost), static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path, Held held) {
  int fd = -1;
  const auto fail = [&](const std::string& what, const char* reason = nullptr) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!reason && error == ENOMEM)
      run_failed(path.string(),
                 what + std::strerror(error) + "; expected memory for it; raise its limit (ulimit "
                                               "-v), or try a smaller model");
    cannot_load(path.string(),
                what + (reason ? reason
                               : std::strerror(error) + std::string("; expected a file of a model")));
  };
  fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot be opened: ");
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    fail("is not a regular file", "; expected a safetensors file");
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  if (const auto size = static_cast<size_t>(status.st_size); size > 0) {
    Pages pages;
    const bool large = held == Held::InMemory && size >= kLargePage &&
                       static_cast<int64_t>(size) <= available_memory() / 4;
    if (large) pages = large_pages(size);
    const bool read = pages.reserved != MAP_FAILED;
    if (!read) pages = map_file(fd, size);
    if (pages.reserved == MAP_FAILED) fail("cannot be mapped: ");
    file->reserved_ = pages.reserved;
    file->reserved_bytes_ = pages.bytes;
    file->data_ = pages.data;
    file->size_ = size;
    if (read && !read_all(fd, pages.data, size)) fail("cannot be read: ");
  }
  ::close(fd);
  return file;
}

MappedFile::~MappedFile() {
  if (reserved_) ::munmap(reserved_, reserved_bytes_);
}

}  // namespace kvhost
