// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/utf8.hpp"

namespace kvhost::utf8 {

namespace {

struct Lead {
  size_t length;  // 0: no character starts with this byte
  unsigned char low,
      high;  // bounds of the second byte: rule out overlong forms, surrogates and > U+10FFFF
};

Lead lead_of(unsigned char b) {
  if (b < 0x80) return {1, 0, 0};
  if (b < 0xC2) return {0, 0, 0};
  if (b < 0xE0) return {2, 0x80, 0xBF};
  if (b < 0xF0)
    return {3,
            b == 0xE0 ? static_cast<unsigned char>(0xA0) : static_cast<unsigned char>(0x80),
            b == 0xED ? static_cast<unsigned char>(0x9F) : static_cast<unsigned char>(0xBF)};
  if (b < 0xF5)
    return {4,
            b == 0xF0 ? static_cast<unsigned char>(0x90) : static_cast<unsigned char>(0x80),
            b == 0xF4 ? static_cast<unsigned char>(0x8F) : static_cast<unsigned char>(0xBF)};
  return {0, 0, 0};
}

}  // namespace

Scan scan(std::string_view text, size_t pos) {
  const Lead lead = lead_of(static_cast<unsigned char>(text[pos]));
  if (lead.length == 0) return {1, Status::Invalid};
  for (size_t k = 1; k < lead.length; ++k) {
    if (pos + k == text.size()) return {k, Status::Truncated};
    const auto b = static_cast<unsigned char>(text[pos + k]);
    const unsigned char low = k == 1 ? lead.low : 0x80;
    const unsigned char high = k == 1 ? lead.high : 0xBF;
    if (b < low || b > high) return {k, Status::Invalid};
  }
  return {lead.length, Status::Complete};
}

size_t find_invalid(std::string_view text) {
  for (size_t pos = 0; pos < text.size();) {
    const Scan found = scan(text, pos);
    if (found.status != Status::Complete) return pos;
    pos += found.length;
  }
  return std::string_view::npos;
}

std::string sanitize(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const Scan found = scan(text, pos);
    out += found.status == Status::Complete ? text.substr(pos, found.length) : kReplacement;
    pos += found.length;
  }
  return out;
}

char32_t next(std::string_view text, size_t& pos) {
  const auto byte = [&](size_t k) { return static_cast<char32_t>(text[pos + k] & 0x3F); };
  const auto lead = static_cast<unsigned char>(text[pos]);
  const size_t length = length_of_lead(lead);
  char32_t c = lead;
  if (length == 2) c = (lead & 0x1Fu) << 6 | byte(1);
  if (length == 3) c = (lead & 0x0Fu) << 12 | byte(1) << 6 | byte(2);
  if (length == 4) c = (lead & 0x07u) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3);
  pos += length;
  return c;
}

size_t previous(std::string_view text, size_t pos) {
  do {
    --pos;
  } while (pos > 0 && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80);
  return pos;
}

void append(std::string& out, char32_t c) {
  const auto put = [&](char32_t b) { out += static_cast<char>(b); };
  const auto tail = [&](int shift) { put(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    tail(6);
  } else {
    put(0xF0 | c >> 18);
    tail(12);
    tail(6);
  }
  tail(0);
}

}  // namespace kvhost::utf8
