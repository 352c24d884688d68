// SPDX-License-Identifier: Apache-2.0
// The bytes of a file, read-only: mapped, or held in memory of the process's own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

namespace kvhost {

// InMemory: read once into large pages, through which whoever goes through the whole of it at every
// token does so about a fifth faster than through the small pages of a mapping. It costs the time to
// read it and memory that no other process shares, so a file that takes more than a quarter of what
// is free is mapped all the same.
enum class Held { Mapped, InMemory };

class MappedFile {
 public:
  // Throws Error(CannotLoad) when the file cannot be opened, mapped or read.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path,
                                                Held held = Held::Mapped);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  MappedFile() = default;

  std::filesystem::path path_;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* reserved_ = nullptr;  // what to give back: data_ lies in it
  size_t reserved_bytes_ = 0;
};

}  // namespace kvhost
