// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <numeric>

#include "base/ascii.hpp"

namespace kvhost {

namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, change});
      diagonal = above;
    }
  }
  return row.back();
}

// What other programs call the same things, where spelling alone would lead to the wrong one or to
// none.
std::string translated(const std::string& name) {
  static const std::map<std::string, std::string> words = {{"gpu", "cuda"},
                                                           {"nvidia", "cuda"},
                                                           {"bf16", "bfloat16"},
                                                           {"fp16", "float16"},
                                                           {"f16", "float16"},
                                                           {"half", "float16"},
                                                           {"fp32", "float32"},
                                                           {"f32", "float32"},
                                                           {"float", "float32"},
                                                           {"full", "none"}};
  const std::string word = lower_case(name.substr(0, name.find(':')));  // of cuda:0
  const auto found = words.find(word);
  return found == words.end() ? word : found->second;
}

bool holds(const std::vector<std::string>& candidates, const std::string& name) {
  return std::find(candidates.begin(), candidates.end(), name) != candidates.end();
}

}  // namespace

std::string nearest(const std::string& name, const std::vector<std::string>& candidates) {
  if (holds(candidates, translated(name))) return translated(name);
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 2);
  for (const auto& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance || (distance == best_distance && best.empty())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string near = nearest(name, candidates);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

std::string join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : separator) + part;
  return out;
}

namespace {

// Bytes of the UTF-8 character that `text` begins with; 0: none.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t n = first < 0x80   ? 1
                   : first < 0xc2 ? 0
                   : first < 0xe0 ? 2
                   : first < 0xf0 ? 3
                   : first < 0xf5 ? 4
                                  : 0;
  if (n == 0 || n > text.size()) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool beyond = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : n;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool control = first < 0x20 || first == 0x7f ||
                         (n == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (n == 0)
      out += '?';
    else if (control)
      out += ' ';
    else
      out += text.substr(0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::string quoted(const std::string& text) {
  constexpr size_t kLongest = 60;
  if (text.size() <= kLongest) return "'" + printable(text) + "'";
  size_t end = kLongest;
  while (end > kLongest - 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return "'" + printable(std::string_view(text).substr(0, end)) + "...'";
}

std::string format_bytes(int64_t bytes) {
  static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000 && unit < 4) value /= 1000, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

}  // namespace kvhost
