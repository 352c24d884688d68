// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode.hpp"

#include <unicode/uchar.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "tokenizer/utf8.hpp"

namespace kvhost::unicode {

namespace {

struct Range {
  char32_t first, last;
};
struct CategoryRange {
  char32_t first, last;
  const char* category;
};
#include "tokenizer/unicode_tables.inc"

// The tables are sorted and their ranges disjoint.
template <typename Row, size_t n>
const Row* find(const Row (&table)[n], char32_t c) {
  const auto* row =
      std::lower_bound(std::begin(table), std::end(table), c, [](const Row& r, char32_t value) {
        return r.last < value;
      });
  return row != std::end(table) && row->first <= c ? row : nullptr;
}

// "" for a code point that is assigned in no version known here.
std::string_view newer_category(char32_t c) {
  const CategoryRange* row = find(kNewerCategories, c);
  return row == nullptr ? std::string_view() : std::string_view(row->category);
}

uint32_t category_mask(char32_t c) { return U_GET_GC_MASK(static_cast<UChar32>(c)); }

bool is_word_category(std::string_view k) {
  return k.starts_with('L') || k.starts_with('M') || k == "Nd" || k == "Nl" || k == "Pc";
}

std::string range_text(char32_t first, char32_t last) {
  char text[32];
  std::snprintf(text,
                sizeof text,
                "\\x{%x}-\\x{%x}",
                static_cast<unsigned>(first),
                static_cast<unsigned>(last));
  return text;
}

}  // namespace

const char* const kWhitespaceClass =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{"
    "205f}\\x{3000}";
const char* const kNotWhitespaceClass =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"
    "\\x{200b}-\\x{2027}"
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";

bool is_whitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_numeric(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return (category_mask(c) & U_GC_N_MASK) != 0 || newer_category(c).starts_with('N') ||
         find(kNewerNumeric, c) != nullptr;
}

bool is_punctuation(char32_t c) { return find(kPunctuation, c) != nullptr; }

bool is_mark(char32_t c) {
  return (category_mask(c) & U_GC_M_MASK) != 0 || newer_category(c).starts_with('M');
}

bool is_word(char32_t c) {
  if (c == 0x200C || c == 0x200D) return true;
  if (u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_ALPHABETIC)) return true;
  if ((category_mask(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0) return true;
  return is_word_category(newer_category(c));
}

void append_lower(std::string& out, char32_t c) {
  if (c == 0x130) {  // the one letter whose lower case is two characters
    out += "i\xCC\x87";
    return;
  }
  utf8::append(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
}

std::string category_class(std::string_view category) {
  std::string out = "\\p{" + std::string(category) + "}";
  for (const CategoryRange& row : kNewerCategories)
    if (std::string_view(row.category).starts_with(category))
      out += range_text(row.first, row.last);
  return out;
}

std::string word_class(bool inside_class) {
  std::string out = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
  // Alone it also takes the superscript digits and vulgar fractions of Latin-1.
  if (!inside_class) out += "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
  for (const CategoryRange& row : kNewerCategories)
    if (is_word_category(row.category)) out += range_text(row.first, row.last);
  return out;
}

std::string property_class(std::string_view property, std::string_view name) {
  std::string out = "\\p{" + std::string(property) + "}";
  for (const CategoryRange& row : kNewerProperties)
    if (row.category == name) out += range_text(row.first, row.last);
  return out;
}

bool is_category_name(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",  "Nd", "Nl",
      "No", "P",  "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk",
      "So", "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Co", "Cs", "Cn"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace kvhost::unicode
