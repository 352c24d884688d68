// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

#include "report/kept_text.hpp"
#include "report/table.hpp"
#include "sample_view.hpp"

using namespace kvhost;
using Catch::Matchers::Contains;

namespace {

std::string printed(const KeptView& view, bool color, int columns, bool full = false) {
  Ink ink;
  ink.color = color;
  ink.columns = columns;
  std::ostringstream out;
  print_kept(out, ink, view, full);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// One head that keeps what is named.
KeptView small_view(std::vector<std::string> pieces, std::vector<std::vector<int32_t>> heads) {
  KeptView view;
  KeptPress press;
  press.spec = "some:press";
  press.n_seen = static_cast<int64_t>(pieces.size());
  press.kept = {std::move(heads)};
  view.pieces = std::move(pieces);
  view.presses = {press};
  return view;
}

}  // namespace

TEST_CASE("no line is wider than the terminal, with and without colour") {
  const KeptView view = sample_view(3000, 4, 2, 2);
  for (const int columns : {40, 80, 200})
    for (const bool color : {false, true})
      for (const bool full : {false, true})
        for (const std::string& line : lines_of(printed(view, color, columns, full))) {
          INFO(columns << (color ? " in colour: " : ": ") << line);
          CHECK(shown_width(line) <= static_cast<size_t>(columns));
        }
}

TEST_CASE("without colour a mark stands under the beginning of each token") {
  const std::string text =
      printed(small_view({"Mr", ". Jack", " fled", "!"}, {{0, 3}, {0, 1}}), false, 80);
  CHECK_THAT(text, Contains("  Mr. Jack fled!\n  # 5      .   5\n"));
  CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("with colour each token has its own ground, and what nobody kept is dim") {
  const std::string text = printed(small_view({"Mr", " Jack", " fled"}, {{0}, {0, 1}}), true, 80);
  Ink ink;
  ink.color = true;
  CHECK_THAT(
      text,
      Contains("  " + ink.shade("Mr", 1) + ink.shade(" Jack", 0.5) + ink.dim(" fled") + "\n"));
  CHECK(ink.shade("Mr", 1) != ink.shade("Mr", 0.5));
}

TEST_CASE("a long prompt leaves out in runs what fewest kept, and says how much") {
  const KeptView view = sample_view(4000, 4, 2, 1);
  const std::string text = printed(view, false, 80);
  CHECK_THAT(text, Contains("are left out"));
  CHECK(lines_of(text).size() < 10 + 2 * 40);  // a line of marks under each

  size_t left_out = 0;
  const std::regex mark(R"(\[\.\.\. (\d+) tokens \.\.\.\])");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), mark); it != std::sregex_iterator();
       ++it)
    left_out += std::stoul((*it)[1]);
  CHECK(left_out > 2000);
  CHECK(left_out < 4000);
  const std::string whole = printed(view, false, 80, true);
  CHECK(whole.find("tokens ...]") == std::string::npos);
  CHECK(lines_of(whole).size() > 2 * lines_of(text).size());
}

TEST_CASE("only what nobody kept is left out where that is enough") {
  std::vector<std::string> pieces(2000, " word");
  pieces[1500] = " heron";
  const std::string text = printed(small_view(pieces, {{0, 1500}, {0}}), false, 80);
  CHECK_THAT(text, Contains("runs that nobody kept are left out"));
  CHECK_THAT(text, Contains("word [... 1499 tokens ...] heron [... 499 tokens ...]\n"));
}

TEST_CASE("no half of a word is left out") {
  std::vector<std::string> pieces(2000, " word");
  pieces[1499] = " her";
  pieces[1500] = "on";
  pieces[1501] = "ry";
  const std::string text = printed(small_view(pieces, {{0, 1500}, {0}}), false, 80);
  CHECK_THAT(text, Contains("word [... 1498 tokens ...] heronry [... 498 tokens ...]\n"));
}

TEST_CASE("a short prompt is shown whole") {
  const std::string text =
      printed(small_view({"a", " b", " c", " d", " e", " f", " g", " h"}, {{0}}), false, 80);
  CHECK_THAT(text, Contains("  a b c d e f g h\n  # . . . . . . .\n"));
}

TEST_CASE("the prompt cannot speak to the terminal") {
  for (const bool color : {false, true}) {
    const std::string text =
        printed(small_view({"\x1B]0;owned\x07", "\r\x9B", "\xF0\x9F"}, {{1}}), color, 80);
    CHECK(text.find("\x1B]") == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find('\x07') == std::string::npos);
    CHECK_THAT(text, Contains("\u241B]0;owned"));
  }
}

TEST_CASE("marks stay under their tokens beside wide characters") {
  const std::string text = printed(small_view({"\u6F22\u5B57", " a", " b"}, {{0, 2}}), false, 80);
  CHECK_THAT(text, Contains("  \u6F22\u5B57 a b\n  #    . #\n"));
}

TEST_CASE("what came after the cut has no mark, renumbered entries show no text") {
  KeptView view = small_view({"a", " b", " c"}, {{0}});
  view.presses[0].n_seen = 2;
  CHECK_THAT(printed(view, false, 80), Contains("  a b c\n  # .\n"));
  view.presses[0].renumbered = true;
  const std::string text = printed(view, false, 120);
  CHECK_THAT(text, Contains("which tokens they came from is not known"));
  CHECK(text.find("a b c") == std::string::npos);
}

TEST_CASE("both presses are shown, a head may keep nothing") {
  KeptView view = small_view({"a", " b"}, {{}, {0}});
  view.presses.push_back(view.presses[0]);
  view.presses[1].spec = "other:press";
  const std::string text = printed(view, false, 80);
  CHECK_THAT(
      text,
      Contains("some:press") && Contains("other:press") && Contains("kept 1 of 4 entries, 25.0%"));
}
