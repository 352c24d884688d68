// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "report/terminal.hpp"

namespace kvhost {

// One line on stderr with label, bar, share and remaining time; only on a terminal that is not
// dumb, erased when a phase or the whole work ends. Silent otherwise.
class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::string_view label, double share);  // share in [0, 1]; 1 erases the line
  void erase();

 private:
  using Clock = std::chrono::steady_clock;

  Terminal terminal_;
  bool active_ = false;
  bool drawn_ = false;
  std::string label_;
  Clock::time_point started_, drawn_at_;
};

// The line as it is drawn: at most `terminal.columns` - 1 wide, so that the cursor stays on it.
// What does not fit goes in this order: the seconds left (negative: not known), the bar, the end of
// the label.
std::string progress_line(const std::string& label,
                          double share,
                          double seconds_left,
                          const Terminal& terminal);

}  // namespace kvhost
