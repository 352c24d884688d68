// SPDX-License-Identifier: Apache-2.0
#include "format/gguf_cursor.hpp"

#include "base/error.hpp"

namespace kvhost::gguf {

void Cursor::refuse(const std::string& message) const {
  cannot_load(file_->path().string(), message);
}

const std::byte* Cursor::take(uint64_t n, const char* what) {
  if (n > left())
    refuse("ends inside " + std::string(what) + " at byte " + std::to_string(at_) + " (" +
           std::to_string(n) + " bytes expected, " + std::to_string(left()) +
           " there); the file is truncated or damaged");
  const std::byte* here = file_->data() + at_;
  at_ += n;
  return here;
}

std::string_view Cursor::text(const char* what, uint64_t longest) {
  const auto length = number<uint64_t>(what);
  if (length > longest)
    refuse("has " + std::string(what) + " of " + std::to_string(length) + " bytes at byte " +
           std::to_string(at_) + "; expected at most " + std::to_string(longest));
  return {reinterpret_cast<const char*>(take(length, what)), static_cast<size_t>(length)};
}

void Cursor::expect_room(uint64_t count, uint64_t bytes, const std::string& what) const {
  if (count > left() / bytes)
    refuse("announces " + std::to_string(count) + " " + what + " but has only " +
           std::to_string(left()) + " bytes left at byte " + std::to_string(at_) +
           "; the file is truncated or damaged");
}

std::string shown(std::string_view name) {
  constexpr size_t kLongest = 80;
  std::string out(name.substr(0, kLongest));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return name.size() > kLongest ? out + "..." : out;
}

}  // namespace kvhost::gguf
