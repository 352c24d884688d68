// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace kvhost {

// A hash of bytes that come in pieces.
class MessageDigest {
 public:
  enum class Algorithm { Sha1, Sha256 };
  explicit MessageDigest(Algorithm algorithm);  // throws Error where libcrypto lacks it
  ~MessageDigest();
  MessageDigest(MessageDigest&&) noexcept;
  MessageDigest& operator=(MessageDigest&&) noexcept;

  void update(const void* bytes, size_t n);
  std::string hex();  // of all there was, in lower case; once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Sha256 : public MessageDigest {
 public:
  Sha256() : MessageDigest(Algorithm::Sha256) {}
};

std::string sha256_hex(const void* bytes, size_t n);

}  // namespace kvhost
