// SPDX-License-Identifier: Apache-2.0
#include "report/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kvhost {

namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw(80);
constexpr double kSteady = 0.02;  // below this share an estimate of what remains is noise

}  // namespace

Progress::Progress(bool wanted) : active_(wanted && isatty(STDERR_FILENO) == 1) {}

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
  const double bounded = std::clamp(share, 0.0, 1.0);
  const int filled = static_cast<int>(std::lround(bounded * kBarWidth));
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "━" : "╌";
  std::fprintf(stderr, "\r\033[K%s %s %3.0f%%", label_.c_str(), bar.c_str(), 100 * bounded);
  if (bounded > kSteady) {
    const double elapsed = std::chrono::duration<double>(now - started_).count();
    std::fprintf(stderr, "  %.0f s left", elapsed * (1 - bounded) / bounded);
  }
  std::fflush(stderr);
}

void Progress::erase() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace kvhost
