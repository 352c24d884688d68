// SPDX-License-Identifier: Apache-2.0
// What can be shown where: asked of the terminal and the environment once, then only read.
#pragma once

namespace kvhost {

struct Terminal {
  bool escapes = false;  // a terminal that moves its cursor and shows colours
  bool utf8 = false;     // the locale's characters are UTF-8
  int columns = 80;      // 80 where nobody knows
};

// `fd` is a terminal whose TERM is neither unset nor "dumb"; the locale is LC_ALL, LC_CTYPE or
// LANG, the first that is not empty.
Terminal terminal_at(int fd);

// Of the terminal behind `fd` now: it may have been resized.
int columns_of(int fd);

}  // namespace kvhost
