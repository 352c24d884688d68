// SPDX-License-Identifier: Apache-2.0
#include "report/kept_shown.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kvhost {

namespace {

constexpr size_t kMinRun = 6;  // shorter runs are not worth a "[... n tokens ...]"
constexpr int kMaxCut = 9;     // what more than nine tenths kept is always shown

bool begins_word(const std::string& text) { return !text.empty() && std::strchr(" \n\t", text[0]); }

// All but the runs of steps up to `cut`. A run begins and ends between words, so that no half of
// one is left.
std::vector<bool> shown_above(const std::vector<int>& steps,
                              const std::vector<ShownPiece>& pieces,
                              int cut) {
  const auto low = [&](size_t i) { return steps[i] != kAfterCut && steps[i] <= cut; };
  std::vector<bool> shown(steps.size(), true);
  for (size_t i = 0; i < steps.size();) {
    size_t begin = i, end = i;
    while (end < steps.size() && low(end)) ++end;
    i = std::max(end, i + 1);
    while (begin > 0 && begin < end && !begins_word(pieces[begin].text)) ++begin;
    while (end < steps.size() && begin < end && !begins_word(pieces[end].text)) --end;
    if (end - begin < kMinRun) continue;
    for (size_t k = begin; k < end; ++k) shown[k] = false;
  }
  return shown;
}

void append_left_out(std::vector<Glyph>& glyphs, size_t n) {
  const std::string mark = "[... " + std::to_string(n) + " tokens ...]";
  if (!glyphs.empty() && glyphs.back().text != " ") append_glyphs(glyphs, " ");
  glyphs.push_back({mark, static_cast<int>(mark.size()), kNoOwner});
}

std::vector<Glyph> glyphs_of(const std::vector<ShownPiece>& pieces,
                             const std::vector<bool>& shown) {
  std::vector<Glyph> glyphs;
  size_t left_out = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!shown[i]) {
      ++left_out;
      continue;
    }
    if (left_out > 0) append_left_out(glyphs, std::exchange(left_out, 0));
    append_glyphs(glyphs, pieces[i].text, i);
  }
  if (left_out > 0) append_left_out(glyphs, left_out);
  return glyphs;
}

}  // namespace

ShownPrompt choose_shown(const KeptPress& press,
                         const std::vector<ShownPiece>& pieces,
                         int width,
                         size_t max_lines) {
  ShownPrompt prompt;
  const auto n_heads = static_cast<int64_t>(n_kept_heads(press));
  for (const int32_t count : heads_that_kept(press))
    prompt.steps.push_back(kept_step(count, n_heads));
  prompt.steps.resize(pieces.size(), kAfterCut);
  const std::vector<bool> all(pieces.size(), true);
  prompt.lines = wrap(glyphs_of(pieces, all), width);
  while (prompt.lines.size() > max_lines && prompt.cut < kMaxCut)
    prompt.lines = wrap(glyphs_of(pieces, shown_above(prompt.steps, pieces, ++prompt.cut)), width);
  return prompt;
}

}  // namespace kvhost
