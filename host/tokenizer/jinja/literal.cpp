// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/lexer.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// `n` hexadecimal digits behind "\x", "\u" or "\U".
char32_t read_hex(std::string_view literal, size_t* at, int n, int line) {
  char32_t c = 0;
  for (int i = 0; i < n; ++i) {
    const int digit = *at < literal.size() ? hex_value(literal[*at]) : -1;
    if (digit < 0)
      throw SyntaxFailure{
          line, "truncated escape in a string; expected " + std::to_string(n) + " digits"};
    c = c * 16 + static_cast<char32_t>(digit);
    ++*at;
  }
  return c;
}

char32_t read_octal(std::string_view literal, size_t* at) {
  char32_t c = 0;
  for (int i = 0; i < 3 && *at < literal.size() && literal[*at] >= '0' && literal[*at] <= '7'; ++i)
    c = c * 8 + static_cast<char32_t>(literal[(*at)++] - '0');
  return c;
}

void append_character(std::string* out, char32_t c, int line) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
    throw SyntaxFailure{line, "an escape in a string that is no character"};
  utf8::append(*out, c);
}

// `at` stands behind the backslash.
void read_escape(std::string_view literal, size_t* at, int line, std::string* out) {
  static constexpr std::string_view kNames = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
  const char c = literal[*at];
  if (const size_t known = kNames.find(c); known != std::string_view::npos) {
    *out += kValues[known];
    ++*at;
  } else if (c == '\n') {
    ++*at;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    ++*at;
    append_character(out, read_hex(literal, at, c == 'x' ? 2 : c == 'u' ? 4 : 8, line), line);
  } else if (c >= '0' && c <= '7') {
    append_character(out, read_octal(literal, at), line);
  } else if (c == 'N') {
    throw SyntaxFailure{line, "\\N{...} in a string is not supported; write the character"};
  } else {
    *out += '\\';  // no escape: both stay
  }
}

}  // namespace

std::string unescape(std::string_view literal, int line) {
  std::string out;
  for (size_t at = 0; at < literal.size();) {
    if (literal[at] != '\\') {
      out += literal[at++];
      continue;
    }
    ++at;
    read_escape(literal, &at, line, &out);
  }
  return out;
}

}  // namespace kvhost::jinja
