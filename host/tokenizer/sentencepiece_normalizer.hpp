// SPDX-License-Identifier: Apache-2.0
// What SentencePiece does to a text before it cuts it: characters replaced, surplus spaces dropped,
// a space in front, and spaces written as "▁".
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/charsmap.hpp"

namespace kvhost::tok {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

struct SentencePieceRule {
  Charsmap charsmap;
  bool add_space_prefix = true, remove_extra_whitespaces = false;
};

// `prefix`: a space goes in front.
std::string normalize(const SentencePieceRule& rule, std::string_view text, bool prefix);

}  // namespace kvhost::tok
