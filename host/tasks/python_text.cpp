// SPDX-License-Identifier: Apache-2.0
#include "tasks/python_text.hpp"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

namespace kvhost::tasks {

namespace {

icu::UnicodeString utf16(std::string_view text) {
  return icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

// The character at `at`, and `at` moved behind it.
char32_t next(std::string_view text, size_t& at) {
  auto i = static_cast<int64_t>(at);
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(text.data(), i, static_cast<int64_t>(text.size()), c);
  at = static_cast<size_t>(i);
  return static_cast<char32_t>(c);
}

}  // namespace

std::u32string characters(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) out.push_back(next(text, at));
  return out;
}

std::string utf8(std::u32string_view characters) {
  std::string out;
  for (const char32_t c : characters) {
    char bytes[4];
    int32_t n = 0;
    UBool failed = false;
    U8_APPEND(bytes, n, 4, static_cast<UChar32>(c), failed);
    if (!failed) out.append(bytes, static_cast<size_t>(n));
  }
  return out;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_word(char32_t c) {
  constexpr uint32_t kWord = U_GC_L_MASK | U_GC_N_MASK;
  return c == U'_' || (U_GET_GC_MASK(static_cast<UChar32>(c)) & kWord) != 0;
}

bool is_digit(char32_t c) { return u_charType(static_cast<UChar32>(c)) == U_DECIMAL_DIGIT_NUMBER; }

bool is_ascii_punctuation(char32_t c) {
  return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) || (c >= 0x5B && c <= 0x60) ||
         (c >= 0x7B && c <= 0x7E);
}

std::string lower(std::string_view text) {
  std::string out;
  utf16(text).toLower(icu::Locale::getRoot()).toUTF8String(out);
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  utf16(text).toUpper(icu::Locale::getRoot()).toUTF8String(out);
  return out;
}

std::string_view strip_left(std::string_view text) {
  size_t at = 0;
  for (size_t behind = 0; at < text.size() && is_space(next(text, behind)); at = behind) {
  }
  return text.substr(at);
}

std::string_view strip(std::string_view text) {
  text = strip_left(text);
  size_t end = 0;
  for (size_t at = 0; at < text.size();)
    if (!is_space(next(text, at))) end = at;
  return text.substr(0, end);
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const bool space = is_space(next(text, at));
    if (!space && !inside) out.emplace_back();
    if (!space) out.back().append(text.substr(begin, at - begin));
    inside = !space;
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const size_t at = text.find(separator);
    out.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

std::vector<std::string> digit_runs(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const bool digit = is_digit(next(text, at));
    if (digit && !inside) out.emplace_back();
    if (digit) out.back().append(text.substr(begin, at - begin));
    inside = digit;
  }
  return out;
}

}  // namespace kvhost::tasks
