// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/characters.hpp"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

template <typename Keep>
std::string_view left_of(std::string_view text, Keep drop) {
  size_t begin = 0;
  while (begin < text.size()) {
    size_t next = begin;
    if (!drop(utf8::next(text, next))) break;
    begin = next;
  }
  return text.substr(begin);
}

template <typename Keep>
std::string_view right_of(std::string_view text, Keep drop) {
  size_t end = text.size();
  while (end > 0) {
    size_t start = utf8::previous(text, end);
    size_t at = start;
    if (!drop(utf8::next(text, at))) break;
    end = start;
  }
  return text.substr(0, end);
}

// A character is in `set`, or is white space where there is no set.
auto member(std::optional<std::string_view> set) {
  std::u32string all;
  for (size_t at = 0; set && at < set->size();) all += utf8::next(*set, at);
  return [all, spaces = !set](char32_t c) {
    return spaces ? is_space(c) : all.find(c) != std::u32string::npos;
  };
}

bool ends_line(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::string to_utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

icu::UnicodeString to_icu(std::string_view text) {
  return icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

}  // namespace

size_t count_characters(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8::length_of_lead(static_cast<unsigned char>(text[at]));
    out.emplace_back(text.substr(at, length));
    at += length;
  }
  return out;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  constexpr uint32_t kHidden = U_GC_C_MASK | U_GC_Z_MASK;
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & kHidden) == 0;
}

bool is_cased(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED) != 0; }

bool is_alphabetic(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_L_MASK) != 0;
}

bool is_digit(char32_t c) { return u_isdigit(static_cast<UChar32>(c)) != 0; }

std::string lower(std::string_view text) {
  return to_utf8(to_icu(text).toLower(icu::Locale::getRoot()));
}

std::string upper(std::string_view text) {
  return to_utf8(to_icu(text).toUpper(icu::Locale::getRoot()));
}

std::string title_case(std::string_view character) {
  return to_utf8(to_icu(character).toTitle(nullptr, icu::Locale::getRoot()));
}

std::string_view strip_left(std::string_view text, std::optional<std::string_view> set) {
  return left_of(text, member(set));
}

std::string_view strip_right(std::string_view text, std::optional<std::string_view> set) {
  return right_of(text, member(set));
}

std::string_view strip(std::string_view text, std::optional<std::string_view> set) {
  return strip_right(strip_left(text, set), set);
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0, at = 0;
  while (at < text.size()) {
    const size_t end = at;
    const char32_t c = utf8::next(text, at);
    if (!ends_line(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string replace_all(std::string_view text,
                        std::string_view from,
                        std::string_view to,
                        int64_t limit) {
  std::string out;
  if (from.empty()) {  // between all characters
    size_t at = 0;
    while (limit != 0) {
      --limit;
      out += to;
      if (at == text.size()) break;
      const size_t length = utf8::length_of_lead(static_cast<unsigned char>(text[at]));
      out += text.substr(at, length);
      at += length;
    }
    return out += text.substr(at);
  }
  size_t at = 0;
  for (size_t hit; limit != 0 && (hit = text.find(from, at)) != std::string_view::npos; --limit) {
    out += text.substr(at, hit - at);
    out += to;
    at = hit + from.size();
  }
  return out += text.substr(at);
}

size_t count_of(std::string_view text, std::string_view part) {
  if (part.empty()) return count_characters(text) + 1;
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++n;
  return n;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace kvhost::jinja
