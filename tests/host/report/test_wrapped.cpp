// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "report/wrapped.hpp"

using namespace kvhost;

namespace {

std::vector<std::string> lines_of(const std::string& text, int width) {
  std::vector<Glyph> glyphs;
  append_glyphs(glyphs, text, 7);
  std::vector<std::string> lines;
  for (const GlyphLine& line : wrap(glyphs, width)) {
    lines.emplace_back();
    for (const Glyph& glyph : line) lines.back() += glyph.text;
  }
  return lines;
}

}  // namespace

TEST_CASE("lines break between words, or in a word that is longer than a line") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of("one two three", 7) == Lines{"one two", "three"});
  CHECK(lines_of("one two  three", 8) == Lines{"one two", "three"});
  CHECK(lines_of("abcdefgh ij", 3) == Lines{"abc", "def", "gh", "ij"});
  CHECK(lines_of("a\nb\n\n\n\nc\n", 5) == Lines{"a", "b", "", "c"});
  CHECK(lines_of("abc\nd", 3) == Lines{"abc", "d"});
  CHECK(lines_of("", 5).empty());
  CHECK(lines_of("\t1", 5) == Lines{"  1"});
}

TEST_CASE("wide characters count two cells, marks over others none") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of("\u6F22\u5B57\u6F22", 4) == Lines{"\u6F22\u5B57", "\u6F22"});
  CHECK(lines_of("e\u0301e\u0301 e\u0301", 2) == Lines{"e\u0301e\u0301", "e\u0301"});
}

TEST_CASE("a glyph keeps its owner over the break") {
  std::vector<Glyph> glyphs;
  append_glyphs(glyphs, "ab ", 0);
  append_glyphs(glyphs, "cd", 1);
  const std::vector<GlyphLine> lines = wrap(glyphs, 3);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].back().owner == 0);
  CHECK(lines[1].front().owner == 1);
}
