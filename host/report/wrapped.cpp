// SPDX-License-Identifier: Apache-2.0
#include "report/wrapped.hpp"

#include "report/char_cells.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost {

namespace {

bool is_blank(const Glyph& glyph) { return glyph.text == " "; }

class Wrapper {
 public:
  explicit Wrapper(int width) : width_(width) {}

  void add(const Glyph& glyph) {
    if (glyph.text == "\n") return end_line(false);
    if (cells_ + glyph.cells > width_) {
      if (is_blank(glyph)) return end_line(true);
      break_line();
    }
    if (after_break_ && line_.empty() && is_blank(glyph)) return;
    line_.push_back(glyph);
    cells_ += glyph.cells;
  }

  std::vector<GlyphLine> finish() {
    if (!line_.empty()) end_line(false);
    while (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
    return std::move(lines_);
  }

 private:
  void end_line(bool is_break) {
    while (!line_.empty() && is_blank(line_.back())) line_.pop_back();
    const bool doubled = line_.empty() && (lines_.empty() || lines_.back().empty());
    if (!doubled && !(line_.empty() && after_break_)) lines_.push_back(std::move(line_));
    line_.clear();
    cells_ = 0;
    after_break_ = is_break;
  }

  // The word that does not fit goes to the next line; one that fills a line is cut.
  void break_line() {
    size_t begin = line_.size();
    while (begin > 0 && !is_blank(line_[begin - 1])) --begin;
    if (begin == 0) return end_line(true);
    const GlyphLine word(line_.begin() + static_cast<std::ptrdiff_t>(begin), line_.end());
    line_.resize(begin);
    end_line(true);
    for (const Glyph& glyph : word) cells_ += glyph.cells;
    line_ = word;
  }

  int width_, cells_ = 0;
  bool after_break_ = false;  // the line began because the one before was full
  GlyphLine line_;
  std::vector<GlyphLine> lines_;
};

}  // namespace

void append_glyphs(std::vector<Glyph>& glyphs, std::string_view text, size_t owner) {
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t c = utf8::next(text, pos);
    const std::string character(text.substr(begin, pos - begin));
    const int cells = char_cells(c);
    if (c == '\t') {
      glyphs.insert(glyphs.end(), 2, {" ", 1, owner});
    } else if (cells == 0 && !glyphs.empty() && glyphs.back().text != "\n") {
      glyphs.back().text += character;
    } else {
      glyphs.push_back({character, cells, owner});
    }
  }
}

std::vector<GlyphLine> wrap(const std::vector<Glyph>& glyphs, int width) {
  Wrapper wrapper(width);
  for (const Glyph& glyph : glyphs) wrapper.add(glyph);
  return wrapper.finish();
}

}  // namespace kvhost
