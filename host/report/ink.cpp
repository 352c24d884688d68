// SPDX-License-Identifier: Apache-2.0
#include "report/ink.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace kvhost {

namespace {

// Dark violet to yellow in steps of the 256-colour cube: even in brightness, readable without hue.
constexpr std::array<int, 10> kRamp = {17, 18, 54, 91, 127, 163, 168, 209, 215, 227};

}  // namespace

std::string Ink::bold(const std::string& text) const {
  return color ? "\033[1m" + text + "\033[0m" : text;
}

std::string Ink::dim(const std::string& text) const {
  return color ? "\033[2m" + text + "\033[0m" : text;
}

std::string Ink::cell(double share, double brightest) const {
  if (!color) {
    if (share >= 0.995) return "##";
    char digits[4];
    std::snprintf(digits,
                  sizeof digits,
                  "%02d",
                  std::clamp(static_cast<int>(std::lround(share * 100)), 0, 99));
    return digits;
  }
  const double relative = brightest > 0 ? std::clamp(share / brightest, 0.0, 1.0) : 0;
  const auto step =
      static_cast<size_t>(std::lround(relative * static_cast<double>(kRamp.size() - 1)));
  return "\033[38;5;" + std::to_string(kRamp[step]) + "m██\033[0m";
}

std::string Ink::bar(double share, int width) const {
  const int filled = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  std::string text;
  for (int i = 0; i < filled; ++i) text += color ? "▪" : "=";
  return text + std::string(static_cast<size_t>(width - filled), ' ');
}

Ink make_ink(const std::string& when, int fd) {
  const bool terminal = isatty(fd) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  Ink ink;
  ink.color = when == "always" ||
              (when != "never" && terminal && (no_color == nullptr || *no_color == '\0'));
  winsize size = {};
  if (terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) ink.columns = size.ws_col;
  return ink;
}

}  // namespace kvhost
