// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "report/char_cells.hpp"
#include "report/kept_pieces.hpp"

using namespace kvhost;

namespace {

std::vector<std::string> texts_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> texts;
  for (const ShownPiece& piece : show_pieces(pieces))
    texts.push_back((piece.joined ? "+" : "") + piece.text);
  return texts;
}

}  // namespace

TEST_CASE("a character spread over pieces stands where it begins") {
  using Texts = std::vector<std::string>;
  CHECK(texts_of({"a", "\xF0", "\x9F", "\x98", "\x80", "b"}) ==
        Texts{"a", "\U0001F600", "+", "+", "+", "b"});
  CHECK(texts_of({"x\xC3", "\xA9y"}) == Texts{"x\u00E9", "y"});
  CHECK(texts_of({"", "\xC3", "", "\xA9"}) == Texts{"", "\u00E9", "", "+"});
}

TEST_CASE("bytes that are no UTF-8 are replaced in the piece that they begin in") {
  using Texts = std::vector<std::string>;
  CHECK(texts_of({"\xFF\xFE", "a"}) == Texts{"\uFFFD\uFFFD", "a"});
  CHECK(texts_of({"\xE2\x82", "a"}) == Texts{"\uFFFD", "a"});  // broken off by the next piece
  CHECK(texts_of({"\xE2", "\x82"}) == Texts{"\uFFFD", "+"});   // broken off by the end
  CHECK(texts_of({"\x80"}) == Texts{"\uFFFD"});
  CHECK(texts_of({}).empty());
}

TEST_CASE("what acts or hides is shown as a mark") {
  CHECK(show_text("a\tb\n") == "a\tb\n");
  CHECK(show_text(std::string("\0", 1)) == "\u2400");
  CHECK(show_text("\x1B[31m\r\x7F") == "\u241B[31m\u240D\u2421");
  CHECK(show_text("\u202Eabc") == "\u27E8U+202E\u27E9abc");
  CHECK(show_text("\xC2\x9B") == "\u27E8U+009B\u27E9");
  CHECK(show_text("\uFFFE") == "\u27E8U+FFFE\u27E9");
  const std::string harmless = "\u05E9\u05DC\u05D5\u05DD \u6F22 \U0001F469\u200D\U0001F469 e\u0301";
  CHECK(show_text(harmless) == harmless);
}

TEST_CASE("characters take the cells a terminal gives them") {
  CHECK(char_cells('a') == 1);
  CHECK(char_cells(0xE9) == 1);
  CHECK(char_cells(0x301) == 0);
  CHECK(char_cells(0x200D) == 0);
  CHECK(char_cells(0x6F22) == 2);
  CHECK(char_cells(0x1F600) == 2);
  CHECK(char_cells(0x5E9) == 1);
  CHECK(char_cells(0xFFFD) == 1);
}
