// SPDX-License-Identifier: Apache-2.0
// Text of tokens as it can be shown: valid UTF-8 in which nothing acts and nothing is invisible.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvhost {

struct ShownPiece {
  std::string text;
  bool joined = false;  // its bytes belong to a character that an earlier piece began
};

// One for each piece. A character spread over several stands in the one where it begins; bytes
// that are no UTF-8 become U+FFFD; the rest as show_text.
std::vector<ShownPiece> show_pieces(const std::vector<std::string>& pieces);

// Valid UTF-8 of any bytes. Control characters except \n and \t become pictures (U+2400 and on),
// characters that change the direction of others or have no meaning in text become ⟨U+202E⟩.
std::string show_text(std::string_view text);

}  // namespace kvhost
