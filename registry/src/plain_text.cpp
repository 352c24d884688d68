// SPDX-License-Identifier: Apache-2.0
#include "plain_text.hpp"

#include <cstdint>

namespace kvhost::registry {
namespace {

// Bytes of the UTF-8 character at the front, 0 where there is none; `code` is set to it.
size_t character(std::string_view text, uint32_t& code) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t n = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (n > text.size() || (first >= 0x80 && first < 0xc2) || first > 0xf4) return 0;
  code = n == 1 ? first : first & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < least[n] || code > 0x10ffff || surrogate ? 0 : n;
}

// Controls, and what turns the direction of the text around it.
bool is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string plain(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    uint32_t code = 0;
    const size_t n = character(text, code);
    if (n == 0) {
      out += '?';
    } else if (is_control(code)) {
      out += ' ';
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

const char* unfit(std::string_view text, bool lines) {
  while (!text.empty()) {
    uint32_t code = 0;
    const size_t n = character(text, code);
    if (n == 0) return "is not UTF-8";
    if (is_control(code) && !(lines && (code == '\n' || code == '\t')))
      return "holds a control character";
    text.remove_prefix(n);
  }
  return nullptr;
}

}  // namespace kvhost::registry
