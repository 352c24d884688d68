// SPDX-License-Identifier: Apache-2.0
#include "report/results_places.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "base/text.hpp"
#include "report/table.hpp"

namespace kvhost {

using results::Better;
using results::Line;

namespace {

auto key_of(const Line& l) {
  return std::tie(
      l.task, l.metric, l.unit, l.model, l.suite, l.suite_hash, l.model_hash, l.data_hash);
}

// Decimals that leave two digits of the interval; four digits of the mean where there is none.
int decimals_for(double mean, double half) {
  // An interval that is nothing but rounding says nothing.
  const bool known = std::isfinite(half) && half > 1e-9 * std::abs(mean);
  const double guide = known ? half : std::abs(mean);
  if (!std::isfinite(guide) || guide == 0) return 3;
  const int digits = known ? 1 : 3;
  return std::clamp(digits - static_cast<int>(std::floor(std::log10(guide))), 0, 9);
}

// A hash by its first digits; what is imported has words in its place, which stay whole.
std::string short_hash(const std::string& hash) {
  const bool is_hash = hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hash ? hash.substr(0, 8) : hash;
}

}  // namespace

std::vector<ResultPlace> places_of(std::span<const Line> lines) {
  std::vector<ResultPlace> places;
  for (const Line& line : lines) {
    if (places.empty() || key_of(places.back().first()) != key_of(line)) places.emplace_back();
    places.back().lines.push_back(&line);
  }
  return places;
}

std::string place_title(const Line& line) {
  std::vector<std::string> notes;
  if (!line.unit.empty()) notes.push_back(line.unit);
  if (line.better != Better::Unsaid)
    notes.push_back(line.better == Better::Higher ? "higher is better" : "lower is better");
  return line.task + ": " + line.metric + (notes.empty() ? "" : " (" + join(notes, ", ") + ")");
}

std::string place_where(const Line& line) {
  std::string out = "suite " + line.suite + " on " + line.model;
  const auto add = [&](const std::string& what, const std::string& hash, const std::string& name) {
    if (!hash.empty() && hash != name) out += ", " + what + " " + short_hash(hash);
  };
  add("suite", line.suite_hash, line.suite);
  add("model", line.model_hash, line.model);
  add("data", line.data_hash, line.task);
  const std::string source = line.source.substr(0, line.source.find(' '));
  return source.empty() ? out : out + ", measured by " + source;
}

std::string arm_title(const Line& line) {
  return line.arm + (line.question_aware ? ", question seen" : "");
}

std::string mean_text(double mean, double half) {
  if (std::isinf(mean)) return mean > 0 ? "inf" : "-inf";
  return std::isnan(mean) ? "" : format_number(mean, decimals_for(mean, half));
}

std::string half_text(double half) {
  if (!std::isfinite(half)) return "";
  return half < 1e-12 ? "0" : format_number(half, decimals_for(half, half));
}

std::string signed_text(double mean, double half) {
  const std::string text = mean_text(mean, half);
  return text.empty() || mean < 0 ? text : "+" + text;
}

std::string share_text(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g%%", 100 * share);
  return text;
}

std::string bytes_text(double bytes) {
  return std::isfinite(bytes) ? format_bytes(static_cast<int64_t>(bytes + 0.5)) : "";
}

}  // namespace kvhost
