// SPDX-License-Identifier: Apache-2.0
// Reads a mapped GGUF file from its beginning; nothing is read that is not there.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "format/mapped_file.hpp"

namespace kvhost::gguf {

class Cursor {
 public:
  explicit Cursor(const MappedFile& file) : file_(&file) {}

  const MappedFile& file() const { return *file_; }
  uint64_t at() const { return at_; }
  uint64_t left() const { return file_->size() - at_; }

  // `what` is what errors call the thing that the file ends in.
  template <class T>
  T number(const char* what) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, take(sizeof value, what), sizeof value);
    return value;
  }
  // Its length, then its bytes.
  std::string_view text(const char* what, uint64_t longest = UINT64_MAX);
  const std::byte* take(uint64_t n, const char* what);
  // That `count` things of at least `bytes` each can follow, before anything is made for them.
  void expect_room(uint64_t count, uint64_t bytes, const std::string& what) const;

  // "FILE: MESSAGE".
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  const MappedFile* file_;
  uint64_t at_ = 0;
};

// A name from a file as a message can show it: on one line, not too long.
std::string shown(std::string_view name);

}  // namespace kvhost::gguf
