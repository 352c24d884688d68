// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/sha256.hpp"

namespace kvhost {

// How a file's bytes are known to be the right ones.
struct Checksum {
  enum class Kind { None, Sha256, GitBlob };
  Kind kind = Kind::None;
  std::string hex;  // in lower case

  // What an etag of the hub is: 64 hex digits are the SHA-256 of the content, 40 the id that git
  // gives it, others say nothing about it.
  static Checksum of_etag(const std::string& etag);
  const char* name() const;  // "sha256", "git blob id", "size"
};

// A checksum's hash of bytes that come in pieces; of `Kind::None` it is "".
class Digest {
 public:
  Digest(Checksum::Kind kind, int64_t bytes);  // a git id begins with the size

  void update(const void* bytes, size_t n);
  std::string hex();  // once, at the end

 private:
  std::optional<MessageDigest> hash_;
};

bool is_hex(const std::string& text, size_t digits);

}  // namespace kvhost
