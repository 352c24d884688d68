// SPDX-License-Identifier: Apache-2.0
// Character classes as the Hugging Face `tokenizers` library has them, whatever Unicode version ICU
// and PCRE2 carry.
#pragma once

#include <string>
#include <string_view>

namespace kvhost::unicode {

bool is_whitespace(char32_t c);
bool is_numeric(char32_t c);      // Nd, Nl, No
bool is_punctuation(char32_t c);  // the library's own table
bool is_mark(char32_t c);         // Mn, Mc, Me
bool is_word(char32_t c);         // \w: alphabetic, marks, decimal digits, connectors, joiners

// Context-free; one character may become two.
void append_lower(std::string& out, char32_t c);

// The inside of a PCRE2 character class, without brackets.
extern const char* const kWhitespaceClass;
extern const char* const kNotWhitespaceClass;
// "\p{L}" plus what is newer than PCRE2's tables; `category` is L, Lu, N, Nd, ...
std::string category_class(std::string_view category);
// What Oniguruma calls a word character; standing alone and inside a class it answers differently.
std::string word_class(bool inside_class);
// "\p{Alphabetic}" plus what is newer; `name` is the folded one: alphabetic, lowercase, han, ...
std::string property_class(std::string_view property, std::string_view name);
bool is_category_name(std::string_view name);

}  // namespace kvhost::unicode
