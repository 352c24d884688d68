// SPDX-License-Identifier: Apache-2.0
// Colour and width of what is printed: decided once, then only asked.
#pragma once

#include <string>

namespace kvhost {

struct Ink {
  bool color = false;
  int columns = 80;

  std::string bold(const std::string& text) const;
  std::string dim(const std::string& text) const;
  // Two columns: with colour a block, dark to bright by share / brightest; without, `share` in
  // hundredths ("##": all).
  std::string cell(double share, double brightest) const;
  // `width` columns, filled from the left by `share` in [0, 1].
  std::string bar(double share, int width) const;
};

// `when` is auto, always or never; auto = `fd` is a terminal and NO_COLOR is unset or empty.
Ink make_ink(const std::string& when, int fd);

}  // namespace kvhost
