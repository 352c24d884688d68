// SPDX-License-Identifier: Apache-2.0
#include "report/ink.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "report/terminal.hpp"

namespace kvhost {

namespace {

// Dark violet to yellow in steps of the 256-colour cube: even in brightness, readable without hue.
constexpr std::array<int, 10> kRamp = {17, 18, 54, 91, 127, 163, 168, 209, 215, 227};
constexpr size_t kFirstBright = 6;  // from here on black is read better than white
constexpr int kBlack = 16, kWhite = 231;

// Two columns: hundredths, "##" for all.
std::string hundredths(double share) {
  if (share >= 0.995) return "##";
  char digits[4];
  const int rounded = std::clamp(static_cast<int>(std::lround(share * 100)), 0, 99);
  std::snprintf(digits, sizeof digits, "%02d", rounded);
  return digits;
}

// The text on the ramp's colour for `share`.
std::string on_ramp(const std::string& text, double share) {
  const auto step = static_cast<size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(kRamp.size() - 1)));
  return "\033[48;5;" + std::to_string(kRamp[step]) + ";38;5;" +
         std::to_string(step < kFirstBright ? kWhite : kBlack) + "m" + text + "\033[0m";
}

}  // namespace

std::string Ink::bold(const std::string& text) const {
  return color ? "\033[1m" + text + "\033[0m" : text;
}

std::string Ink::dim(const std::string& text) const {
  return color ? "\033[2m" + text + "\033[0m" : text;
}

std::string Ink::cell(double share, double brightest) const {
  const std::string text = hundredths(share);
  if (!color) return text;
  return on_ramp(text, brightest > 0 ? share / brightest : 0);
}

std::string Ink::shade(const std::string& text, double share) const {
  if (!color) return text;
  return share > 0 ? on_ramp(text, share) : dim(text);
}

std::string Ink::bar(double share, int width) const {
  const int filled = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  std::string text;
  for (int i = 0; i < filled; ++i) text += color && utf8 ? "▪" : "=";
  return text + std::string(static_cast<size_t>(width - filled), ' ');
}

Ink make_ink(const std::string& when, int fd) {
  const Terminal terminal = terminal_at(fd);
  const char* no_color = std::getenv("NO_COLOR");
  const bool wanted = no_color == nullptr || *no_color == '\0';
  Ink ink;
  ink.color = when == "always" || (when != "never" && terminal.escapes && wanted);
  ink.utf8 = terminal.utf8;
  ink.columns = terminal.columns;
  return ink;
}

}  // namespace kvhost
