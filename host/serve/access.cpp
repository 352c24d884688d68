// SPDX-License-Identifier: Apache-2.0
#include "serve/access.hpp"

#include <openssl/crypto.h>

namespace kvhost {
namespace {

// Without the port.
std::string name_of_host(const std::string& host) {
  if (!host.empty() && host[0] == '[') return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool equal(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

bool key_fits(const std::string& given, const std::vector<std::string>& keys) {
  constexpr const char* kBearer = "Bearer ";
  const std::string key = given.starts_with(kBearer) ? given.substr(7) : given;
  bool fits = false;
  for (const auto& one : keys) fits |= equal(one, key);
  return fits;
}

bool comes_from_here(const std::string& host, const std::string& origin) {
  if (!host.empty() && !is_loopback(name_of_host(host))) return false;
  return origin.empty() || origin == "http://" + host || origin == "https://" + host;
}

}  // namespace kvhost
