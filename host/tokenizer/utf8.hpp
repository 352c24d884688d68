// SPDX-License-Identifier: Apache-2.0
// UTF-8: one strict scanner that everything else is built on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kvhost::utf8 {

enum class Status { Complete, Invalid, Truncated };

// What stands at a position: a whole character, the longest prefix of one that a wrong byte ends,
// or the longest prefix of one that the end of the text ends. `length` is never 0.
struct Scan {
  size_t length;
  Status status;
};
Scan scan(std::string_view text, size_t pos);

// Byte offset of the first byte that is not UTF-8, or npos.
size_t find_invalid(std::string_view text);

// Every ill-formed sequence (its longest valid prefix counts as one) becomes U+FFFD.
std::string sanitize(std::string_view text);

// The three below ask for valid UTF-8.
char32_t next(std::string_view text, size_t& pos);   // reads a character and moves `pos` behind it
size_t previous(std::string_view text, size_t pos);  // start of the character that ends at `pos`
inline size_t length_of_lead(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

void append(std::string& out, char32_t c);

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace kvhost::utf8
