// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/byte_level.hpp"

#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

constexpr char32_t kCharacters = 0x144;  // one past the last character in use

struct Tables {
  std::array<std::string, 256> character;
  std::array<int, kCharacters> byte;
};

bool prints_as_itself(int b) {
  return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
}

Tables make_tables() {
  Tables t;
  t.byte.fill(-1);
  char32_t spare = 0x100;  // bytes that do not print are numbered from here on
  for (int b = 0; b < 256; ++b) {
    const char32_t c = prints_as_itself(b) ? static_cast<char32_t>(b) : spare++;
    utf8::append(t.character[static_cast<size_t>(b)], c);
    t.byte[c] = b;
  }
  return t;
}

const Tables& tables() {
  static const Tables t = make_tables();
  return t;
}

}  // namespace

const std::array<std::string, 256>& byte_characters() { return tables().character; }

void append_byte_level(std::string& out, std::string_view bytes) {
  const auto& character = tables().character;
  for (const char b : bytes) out += character[static_cast<unsigned char>(b)];
}

void append_spelled_bytes(std::string& out, std::string_view spelled) {
  const auto& byte = tables().byte;
  const size_t start = out.size();
  for (size_t pos = 0; pos < spelled.size();) {
    const char32_t c = utf8::next(spelled, pos);
    if (c >= kCharacters || byte[c] < 0) {
      out.resize(start);
      out += spelled;
      return;
    }
    out += static_cast<char>(byte[c]);
  }
}

}  // namespace kvhost::tok
