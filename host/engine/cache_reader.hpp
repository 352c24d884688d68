// SPDX-License-Identifier: Apache-2.0
// A saved cache's file on the way in: its header is checked, its tensors are read where they
// belong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "format/safetensors.hpp"

namespace kvhost {

// Throws Error(CannotLoad) with the file, what was found and what was expected.
class CacheFile {
 public:
  explicit CacheFile(const std::filesystem::path& path);
  ~CacheFile() { ::close(fd_); }
  CacheFile(const CacheFile&) = delete;
  CacheFile& operator=(const CacheFile&) = delete;

  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  const std::vector<StoredTensor>& tensors() const { return header_.tensors; }
  const StoredTensor* find(const std::string& name) const;
  const StoredTensor& get(const std::string& name) const;  // refused when absent
  const std::string& text(const char* key) const;
  int64_t number(const char* key, int64_t least, int64_t most) const;

  void read(const StoredTensor& tensor, void* target) const;  // all of it
  template <typename T>
  std::vector<T> read_vector(const std::string& name, const char* dtype) const;

  [[noreturn]] void refuse(const std::string& what) const;

 private:
  void open();
  void read_header();

  std::filesystem::path path_;
  int fd_ = -1;
  SafetensorsFile header_;
};

template <typename T>
std::vector<T> CacheFile::read_vector(const std::string& name, const char* dtype) const {
  const StoredTensor& tensor = get(name);
  if (tensor.dtype != dtype)
    refuse("tensor '" + name + "' has dtype " + tensor.dtype + "; expected " + dtype);
  std::vector<T> out(static_cast<size_t>(tensor.bytes) / sizeof(T));
  read(tensor, out.data());
  return out;
}

}  // namespace kvhost
