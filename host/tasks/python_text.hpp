// SPDX-License-Identifier: Apache-2.0
// Text as Python's str methods and its `re` see it: the scores that ours must equal are computed
// there. A sequence that is not UTF-8 reads as U+FFFD.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvhost::tasks {

std::u32string characters(std::string_view text);
std::string utf8(std::u32string_view characters);

bool is_space(char32_t c);              // str.isspace
bool is_word(char32_t c);               // \w
bool is_digit(char32_t c);              // \d
bool is_ascii_punctuation(char32_t c);  // string.punctuation

std::string lower(std::string_view text);  // str.lower, str.upper: whole texts, special cases too
std::string upper(std::string_view text);

std::string_view strip_left(std::string_view text);  // str.lstrip(), str.strip()
std::string_view strip(std::string_view text);
std::vector<std::string> words(std::string_view text);  // str.split()
std::vector<std::string> split(std::string_view text, char separator);
std::string replace_all(std::string text, std::string_view what, std::string_view with);
std::vector<std::string> digit_runs(std::string_view text);  // re.findall(r"\d+", text)

}  // namespace kvhost::tasks
