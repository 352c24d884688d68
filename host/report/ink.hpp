// SPDX-License-Identifier: Apache-2.0
// Colour and width of what is printed: decided once, then only asked.
#pragma once

#include <string>

namespace kvhost {

struct Ink {
  bool color = false;
  int columns = 80;
  bool utf8 = true;

  std::string bold(const std::string& text) const;
  std::string dim(const std::string& text) const;
  // Two columns: `share` in hundredths ("##": all); with colour on a ground that is dark to bright
  // by share / brightest.
  std::string cell(double share, double brightest) const;
  // The text on the colour of `share` in [0, 1], dark to bright; dim where the share is 0. Plain
  // without colour.
  std::string shade(const std::string& text, double share) const;
  // `width` columns, filled from the left by `share` in [0, 1].
  std::string bar(double share, int width) const;
};

// `when` is auto, always or never; auto = `fd` is a terminal that is not dumb, and NO_COLOR is
// unset or empty.
Ink make_ink(const std::string& when, int fd);

}  // namespace kvhost
