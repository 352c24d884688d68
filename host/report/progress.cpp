// SPDX-License-Identifier: Apache-2.0
#include "report/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kvhost {

namespace {

constexpr int kLongestBar = 24, kShortestBar = 6;
constexpr std::chrono::milliseconds kRedraw(80);
constexpr double kSteady = 0.02;  // below this share an estimate of what remains is noise

std::string bar(double share, int width, bool utf8) {
  const int filled = static_cast<int>(std::lround(share * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? (utf8 ? "━" : "#") : (utf8 ? "╌" : "-");
  return text;
}

std::string formatted(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string progress_line(const std::string& label,
                          double share,
                          double seconds_left,
                          const Terminal& terminal) {
  const double bounded = std::clamp(share, 0.0, 1.0);
  const std::string percent = formatted(" %3.0f%%", 100 * bounded);
  const std::string time = seconds_left < 0 ? "" : formatted("  %.0f s left", seconds_left);
  const int room = std::max(0, terminal.columns - 1);
  const int text = static_cast<int>(label.size() + percent.size());  // labels are ASCII
  int width = std::min(kLongestBar, room - text - 1 - static_cast<int>(time.size()));
  if (width >= kShortestBar)
    return label + " " + bar(bounded, width, terminal.utf8) + percent + time;
  width = std::min(kLongestBar, room - text - 1);
  if (width >= kShortestBar) return label + " " + bar(bounded, width, terminal.utf8) + percent;
  const auto left = static_cast<size_t>(std::max(0, room - static_cast<int>(percent.size())));
  return (label.substr(0, left) + percent).substr(0, static_cast<size_t>(room));
}

Progress::Progress(bool wanted) : terminal_(terminal_at(STDERR_FILENO)) {
  active_ = wanted && terminal_.escapes;
}

Progress::~Progress() { erase(); }

void Progress::show(std::string_view label, double share) {
  if (!active_) return;
  const auto now = Clock::now();
  if (label != label_) {
    label_ = label;
    started_ = now;
    drawn_at_ = {};
  }
  if (share >= 1) return erase();
  if (now - drawn_at_ < kRedraw) return;
  drawn_at_ = now;
  drawn_ = true;
  terminal_.columns = columns_of(STDERR_FILENO);
  const double elapsed = std::chrono::duration<double>(now - started_).count();
  const double left = share > kSteady ? elapsed * (1 - share) / share : -1;
  std::fprintf(stderr, "\r\033[K%s", progress_line(label_, share, left, terminal_).c_str());
  std::fflush(stderr);
}

void Progress::erase() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace kvhost
