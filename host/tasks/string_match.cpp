// SPDX-License-Identifier: Apache-2.0
// Answers that must contain something: RULER's two rules and InfiniteBench's names.
#include "tasks/metric_rules.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

// Control characters go, as in kvpress's evaluation; RULER's own puts a line break in their place,
// so that a number broken by a line end counts here and not there.
std::string without_controls(const std::string& text) {
  std::string out;
  for (const char c : strip(text))
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  return std::string(strip(out));
}

int64_t n_contained(const std::string& text, const Strings& references) {
  int64_t n = 0;
  for (const std::string& reference : references)
    n += text.find(lower(reference)) != std::string::npos;
  return n;
}

}  // namespace

double string_match_all(const std::string& prediction, const Strings& references) {
  return static_cast<double>(n_contained(lower(without_controls(prediction)), references)) /
         static_cast<double>(references.size());
}

double string_match_part(const std::string& prediction, const Strings& references) {
  return n_contained(lower(without_controls(prediction)), references) > 0 ? 1 : 0;
}

double any_name(const std::string& prediction, const Strings& references) {
  const std::string text = upper(strip(prediction));
  for (const std::string& name : references)
    if (text.find(upper(name)) != std::string::npos) return 1;
  return 0;
}

}  // namespace kvhost::tasks
