// SPDX-License-Identifier: Apache-2.0
// Text broken into the lines of a terminal, every character still knowing what it belongs to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost {

inline constexpr size_t kNoOwner = static_cast<size_t>(-1);

struct Glyph {
  std::string text;  // a character with what is drawn over it, or a mark that stays in one piece
  int cells = 1;
  size_t owner = kNoOwner;
};
using GlyphLine = std::vector<Glyph>;

// The characters of valid UTF-8; a tab becomes two blanks.
void append_glyphs(std::vector<Glyph>& glyphs, std::string_view text, size_t owner = kNoOwner);

// Lines of at most `width` cells, broken at "\n", else after a blank, else where the line is full.
// Blanks at a break are dropped; of several empty lines one is left.
std::vector<GlyphLine> wrap(const std::vector<Glyph>& glyphs, int width);

}  // namespace kvhost
