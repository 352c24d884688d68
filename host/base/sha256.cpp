// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.hpp"

#include <openssl/evp.h>

#include "base/error.hpp"

namespace kvhost {

struct MessageDigest::State {
  ~State() { EVP_MD_CTX_free(context); }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

MessageDigest::MessageDigest(Algorithm algorithm) : state_(new State) {
  const bool sha1 = algorithm == Algorithm::Sha1;
  if (state_->context == nullptr ||
      EVP_DigestInit_ex(state_->context, sha1 ? EVP_sha1() : EVP_sha256(), nullptr) != 1)
    run_failed("OpenSSL",
               std::string("has no ") + (sha1 ? "SHA-1" : "SHA-256") +
                   "; expected a libcrypto that has it");
}

MessageDigest::~MessageDigest() = default;
MessageDigest::MessageDigest(MessageDigest&&) noexcept = default;
MessageDigest& MessageDigest::operator=(MessageDigest&&) noexcept = default;

void MessageDigest::update(const void* bytes, size_t n) {
  EVP_DigestUpdate(state_->context, bytes, n);
}

std::string MessageDigest::hex() {
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

std::string sha256_hex(const void* bytes, size_t n) {
  Sha256 hash;
  hash.update(bytes, n);
  return hash.hex();
}

}  // namespace kvhost
