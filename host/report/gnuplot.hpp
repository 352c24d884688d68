// SPDX-License-Identifier: Apache-2.0
// Figures drawn by gnuplot, which is found when the program runs and never needed.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace kvhost {

// Colours of a figure, replaced by the page's own, so that one figure serves light and dark: ink,
// grid lines, and eight that the colour-blind tell apart (Okabe and Ito).
std::string plot_ink();   // "#010101"
std::string plot_grid();  // "#020202"
std::string plot_color(size_t number);

// 'text' for gnuplot: in single quotes nothing is expanded; control characters become blanks.
std::string plot_text(const std::string& text);

struct Figure {
  std::string svg;      // an <svg> element for a page; "" when there is none
  std::string problem;  // then why, and the cure
};

// Runs gnuplot on `script`, which sets no terminal. Ends it after `limit_s` seconds. `title` is
// what a screen reader says.
Figure draw_figure(const std::string& script,
                   const std::string& title,
                   int width,
                   int height,
                   double limit_s = 20);

// What `draw_figure` needs once on a page: the shapes of points.
std::string figure_shapes();

}  // namespace kvhost
