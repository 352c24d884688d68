// SPDX-License-Identifier: Apache-2.0
// The parts of the page of results.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "report/results_page.hpp"
#include "report/results_places.hpp"

namespace kvhost::results_html {

// Figures in the order in which they are drawn; the first failure ends it and is told once.
class Figures {
 public:
  explicit Figures(std::ostream& out) : out_(out) {}
  void add(const std::string& script, const std::string& caption, int width, int height);
  const std::string& problem() const { return problem_; }

 private:
  std::ostream& out_;
  std::string problem_;
};

// Every line as a row, with what the script sorts and filters by.
void write_leaderboard(std::ostream& out, std::span<const results::Line> lines);

// Quality against the share kept and against bytes.
void draw_curves(Figures& figures, const ResultPlace& place);
// The difference of every arm from the baseline, or its mean where there is no baseline.
void draw_bars(Figures& figures, const ResultPlace& place);
// Where the time of a prefill goes; `places` are those of one task in ms.
void draw_latency(Figures& figures, std::span<const ResultPlace> places);

// Arms by shares kept, shaded from the worst to the best.
void write_heat_map(std::ostream& out, const ResultPlace& place);
// Depth by length, for each arm and budget, where measurements say at what depth they looked.
void write_needles(std::ostream& out,
                   std::span<const results::DoneCell> cells,
                   const results::Line& place);

// Which machine, version and model the figures come from.
void write_runs(std::ostream& out, std::span<const results::DoneCell> cells);

// The class of the shade for `share` in [0, 1], "s0" to "s10".
std::string shade_class(double share);

}  // namespace kvhost::results_html
