// SPDX-License-Identifier: Apache-2.0
#include "fetch/digest.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "base/error.hpp"

namespace kvhost {

struct Digest::State {
  ~State() { EVP_MD_CTX_free(context); }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

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
  state_ = std::make_unique<State>();
  const EVP_MD* algorithm = kind == Checksum::Kind::Sha256 ? EVP_sha256() : EVP_sha1();
  if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, algorithm, nullptr) != 1)
    run_failed("OpenSSL", "lacks SHA-256 or SHA-1; expected a libcrypto that has both");
  if (kind == Checksum::Kind::GitBlob) {
    const std::string header = "blob " + std::to_string(bytes);
    update(header.c_str(), header.size() + 1);  // with its NUL
  }
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(const void* bytes, size_t n) {
  if (state_) EVP_DigestUpdate(state_->context, bytes, n);
}

std::string Digest::hex() {
  if (!state_) return "";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_DigestFinal_ex(state_->context, digest, &length);
  const char* digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

}  // namespace kvhost
