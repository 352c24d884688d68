// SPDX-License-Identifier: Apache-2.0
#include "report/kept_text.hpp"

#include <algorithm>
#include <limits>

#include "report/kept_pieces.hpp"
#include "report/kept_shown.hpp"
#include "report/table.hpp"
#include "report/wrapped.hpp"

namespace kvhost {

namespace {

constexpr size_t kMaxLines = 40;

int text_columns(const Ink& ink) { return std::max(20, ink.columns) - 2; }

// A line in colour: what one token owns is painted as one.
void print_shaded(std::ostream& out,
                  const Ink& ink,
                  const GlyphLine& line,
                  const ShownPrompt& prompt) {
  for (size_t i = 0; i < line.size();) {
    std::string text;
    size_t end = i;
    for (; end < line.size() && line[end].owner == line[i].owner; ++end) text += line[end].text;
    const size_t owner = line[i].owner;
    if (owner == kNoOwner)
      out << ink.dim(text);
    else if (prompt.steps[owner] == kAfterCut)
      out << text;
    else
      out << ink.shade(text, prompt.steps[owner] / 10.0);
    i = end;
  }
}

char mark_of(int step) {
  return step == kAfterCut ? ' '
         : step == 0       ? '.'
         : step < 10       ? static_cast<char>('0' + step)
                           : '#';
}

// Under each token's first character how many kept it.
std::string marks_under(const GlyphLine& line, const ShownPrompt& prompt, size_t& before) {
  std::string marks;
  for (const Glyph& glyph : line) {
    const bool first = glyph.owner != kNoOwner && glyph.owner != before && glyph.text != " ";
    marks += first ? mark_of(prompt.steps[glyph.owner]) : ' ';
    marks.append(static_cast<size_t>(std::max(0, glyph.cells - 1)), ' ');
    if (first) before = glyph.owner;
  }
  marks.erase(marks.find_last_not_of(' ') + 1);
  return marks;
}

void print_lines(std::ostream& out, const Ink& ink, const ShownPrompt& prompt) {
  size_t before = kNoOwner;
  for (const GlyphLine& line : prompt.lines) {
    out << (line.empty() ? "" : "  ");
    print_shaded(out, ink, line, prompt);
    out << '\n';
    if (ink.color || line.empty()) continue;
    const std::string marks = marks_under(line, prompt, before);
    out << (marks.empty() ? "" : "  ") << marks << '\n';
  }
}

void print_paragraph(std::ostream& out, const Ink& ink, const std::string& text) {
  std::vector<Glyph> glyphs;
  append_glyphs(glyphs, show_text(text));
  for (const GlyphLine& line : wrap(glyphs, text_columns(ink))) {
    std::string shown;
    for (const Glyph& glyph : line) shown += glyph.text;
    out << "  " << ink.dim(shown) << '\n';
  }
}

void print_legend(std::ostream& out,
                  const Ink& ink,
                  const KeptPress& press,
                  const ShownPrompt& prompt) {
  const std::string heads = std::to_string(n_kept_heads(press));
  if (ink.color) {
    print_paragraph(
        out, ink, "shaded by the share of the " + heads + " heads of all layers that kept it:");
    out << "  " << ink.dim("none ");
    for (int step = 1; step <= 10; ++step)
      out << ink.shade(" " + std::to_string(10 * step) + (step == 10 ? "%" : ""), step / 10.0);
    out << '\n';
  } else {
    print_paragraph(out,
                    ink,
                    "under each token the share of the " + heads +
                        " heads of all layers that kept it: . none, 1 up to a tenth, 9 up to nine "
                        "tenths, # more");
  }
  if (prompt.cut == 0) print_paragraph(out, ink, "runs that nobody kept are left out");
  if (prompt.cut > 0)
    print_paragraph(
        out,
        ink,
        "runs kept by " + std::to_string(10 * prompt.cut) + "% of the heads or fewer are left out");
}

void print_press(std::ostream& out,
                 const Ink& ink,
                 const KeptPress& press,
                 const std::vector<ShownPiece>& pieces,
                 bool full) {
  const auto kept = n_kept_entries(press),
             all = press.n_seen * static_cast<int64_t>(n_kept_heads(press));
  out << "\n  " << ink.bold(show_text(press.spec)) << '\n';
  if (!press.budget_line.empty()) print_paragraph(out, ink, press.budget_line);
  print_paragraph(
      out,
      ink,
      "kept " + std::to_string(kept) + " of " + std::to_string(all) + " entries, " +
          format_percent(all > 0 ? static_cast<double>(kept) / static_cast<double>(all) : 0));
  if (press.renumbered) {
    print_paragraph(
        out,
        ink,
        "this method gave the entries new positions: which tokens they came from is not known");
    return;
  }
  const size_t max_lines = full ? std::numeric_limits<size_t>::max() : kMaxLines;
  const ShownPrompt prompt = choose_shown(press, pieces, text_columns(ink), max_lines);
  print_legend(out, ink, press, prompt);
  out << '\n';
  print_lines(out, ink, prompt);
}

}  // namespace

void print_kept(std::ostream& out, const Ink& ink, const KeptView& view, bool full) {
  check_kept_view(view);
  const std::vector<ShownPiece> pieces = show_pieces(view.pieces);
  for (const KeptPress& press : view.presses) print_press(out, ink, press, pieces, full);
}

}  // namespace kvhost
