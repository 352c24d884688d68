// SPDX-License-Identifier: Apache-2.0
#include "fetch/digest.hpp"

namespace kvhost {

bool is_hex(const std::string& text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Checksum Checksum::of_etag(const std::string& etag) {
  if (is_hex(etag, 64)) return {Kind::Sha256, etag};
  if (is_hex(etag, 40)) return {Kind::GitBlob, etag};
  return {};
}

const char* Checksum::name() const {
  switch (kind) {
    case Kind::Sha256:
      return "sha256";
    case Kind::GitBlob:
      return "git blob id";
    case Kind::None:
      break;
  }
  return "size";
}

Digest::Digest(Checksum::Kind kind, int64_t bytes) {
  if (kind == Checksum::Kind::None) return;
  using Algorithm = MessageDigest::Algorithm;
  hash_.emplace(kind == Checksum::Kind::Sha256 ? Algorithm::Sha256 : Algorithm::Sha1);
  if (kind == Checksum::Kind::GitBlob) {
    const std::string header = "blob " + std::to_string(bytes);
    update(header.c_str(), header.size() + 1);  // with its NUL
  }
}

void Digest::update(const void* bytes, size_t n) {
  if (hash_) hash_->update(bytes, n);
}

std::string Digest::hex() { return hash_ ? hash_->hex() : ""; }

}  // namespace kvhost
