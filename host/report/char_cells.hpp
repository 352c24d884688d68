// SPDX-License-Identifier: Apache-2.0
// How many cells of a terminal a character takes.
#pragma once

namespace kvhost {

// 0 for what is drawn over the character before it, 2 for East Asian wide and emoji, else 1. Does
// not ask the locale.
int char_cells(char32_t c);

}  // namespace kvhost
