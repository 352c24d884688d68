// SPDX-License-Identifier: Apache-2.0
#include "report/kept_bits.hpp"

#include <algorithm>
#include <string_view>

namespace kvhost {

namespace {

std::string base64(const std::vector<uint8_t>& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? bytes[i + k] : 0U);
    for (size_t k = 0; k < 4; ++k) text += k <= n ? kDigits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

}  // namespace

std::string encode_kept(const std::vector<int32_t>& positions, int64_t n_seen) {
  std::vector<uint8_t> bytes(static_cast<size_t>((n_seen + 7) / 8), 0);
  for (const int32_t position : positions) {
    const auto p = static_cast<size_t>(position);
    bytes[p / 8] = static_cast<uint8_t>(bytes[p / 8] | 1U << p % 8);
  }
  return base64(bytes);
}

}  // namespace kvhost
