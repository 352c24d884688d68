// SPDX-License-Identifier: Apache-2.0
// What was kept, in a terminal.
#pragma once

#include <ostream>

#include "report/ink.hpp"
#include "report/kept_view.hpp"

namespace kvhost {

// For each press the words of the prompt, shaded by the share of layers and KV heads that kept
// them; without colour a line of marks stands under each line of text. A prompt of more than forty
// lines is shortened as choose_shown (kept_shown.hpp) says, unless `full`. Throws Error where the
// view does not hold together.
void print_kept(std::ostream& out, const Ink& ink, const KeptView& view, bool full = false);

}  // namespace kvhost
