// SPDX-License-Identifier: Apache-2.0
// How much of a long prompt a terminal shows of what was kept.
#pragma once

#include <vector>

#include "report/kept_pieces.hpp"
#include "report/kept_view.hpp"
#include "report/wrapped.hpp"

namespace kvhost {

inline constexpr int kAfterCut = -1;  // step of a token that came after the cut

struct ShownPrompt {
  std::vector<int> steps;        // of each token: kept_step or kAfterCut
  int cut = -1;                  // tokens up to this step were left out in runs; -1: all are shown
  std::vector<GlyphLine> lines;  // owned by the tokens
};

// All of the prompt where it fits into `max_lines` lines of `width` cells. Else runs of what nobody
// kept become "[... 23 tokens ...]", then of what up to a tenth of the heads kept, and so on until
// it fits or only what nearly all kept is left.
ShownPrompt choose_shown(const KeptPress& press,
                         const std::vector<ShownPiece>& pieces,
                         int width,
                         size_t max_lines);

}  // namespace kvhost
