// SPDX-License-Identifier: Apache-2.0
// Texts by characters (code points), as Python's str has them. All texts are valid UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost::jinja {

size_t count_characters(std::string_view text);
std::vector<std::string> characters(std::string_view text);

// What str.isspace() says; wider than the tokenizers' class.
bool is_space(char32_t c);
bool is_printable(char32_t c);
bool is_cased(char32_t c);
bool is_alphabetic(char32_t c);
bool is_digit(char32_t c);

std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string title_case(std::string_view character);  // of one character

// Without the characters of `set`, or without white space where there is none.
std::string_view strip_left(std::string_view text, std::optional<std::string_view> set);
std::string_view strip_right(std::string_view text, std::optional<std::string_view> set);
std::string_view strip(std::string_view text, std::optional<std::string_view> set);

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

std::string replace_all(std::string_view text,
                        std::string_view from,
                        std::string_view to,
                        int64_t limit);  // below 0: all
size_t count_of(std::string_view text, std::string_view part);

std::string escape_html(std::string_view text);

}  // namespace kvhost::jinja
