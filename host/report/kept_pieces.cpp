// SPDX-License-Identifier: Apache-2.0
#include "report/kept_pieces.hpp"

#include <cstdio>

#include "tokenizer/utf8.hpp"

namespace kvhost {

namespace {

bool acts_unseen(char32_t c) {
  const bool c1 = c >= 0x80 && c < 0xA0;
  const bool direction = c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
                         (c >= 0x2066 && c <= 0x2069);
  const bool no_width = c == 0x200B || c == 0x2028 || c == 0x2029 || c == 0x2060 || c == 0xFEFF;
  const bool none = (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
  return c1 || direction || no_width || none;
}

void append_shown(std::string& out, char32_t c) {
  if (c == '\n' || c == '\t') {
    out += static_cast<char>(c);
  } else if (c < 0x20) {
    utf8::append(out, 0x2400 + c);
  } else if (c == 0x7F) {
    utf8::append(out, 0x2421);
  } else if (acts_unseen(c)) {
    char code[16];
    std::snprintf(code, sizeof code, "U+%04X", static_cast<unsigned>(c));
    out += "\u27E8" + std::string(code) + "\u27E9";
  } else {
    utf8::append(out, c);
  }
}

// The character or broken sequence at `pos`, shown; moves `pos` behind it.
void append_next(std::string& out, std::string_view text, size_t& pos) {
  const utf8::Scan found = utf8::scan(text, pos);
  if (found.status != utf8::Status::Complete) {
    out += utf8::kReplacement;
    pos += found.length;
    return;
  }
  append_shown(out, utf8::next(text, pos));
}

}  // namespace

std::vector<ShownPiece> show_pieces(const std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  std::vector<ShownPiece> shown(pieces.size());
  size_t pos = 0, end = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    end += pieces[i].size();
    shown[i].joined = !pieces[i].empty() && pos >= end;
    while (pos < end) append_next(shown[i].text, all, pos);
  }
  return shown;
}

std::string show_text(std::string_view text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) append_next(out, text, pos);
  return out;
}

}  // namespace kvhost
