// SPDX-License-Identifier: Apache-2.0
#include "input/limits.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.hpp"
#include "base/json_file.hpp"

namespace kvhost {

namespace {

std::string shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

[[noreturn]] void refuse(const std::string& where,
                         const std::string& found,
                         const char* type,
                         const Limits& limits) {
  bad_request(where, "found " + found + "; expected " + type + " " + limits.range());
}

// All of `text` as a number, or nothing.
template <class Number>
std::optional<Number> parse(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

}  // namespace

bool Limits::hold(double value) const {
  if (!std::isfinite(value)) return false;
  return (above_min ? value > min : value >= min) && (below_max ? value < max : value <= max);
}

std::string Limits::range() const {
  if (max >= kNoLimit) return (above_min ? "> " : ">= ") + shortest(min);
  return std::string("in ") + (above_min ? "(" : "[") + shortest(min) + ", " + shortest(max) +
         (below_max ? ")" : "]");
}

double number_from_text(const std::string& where, const std::string& text, const Limits& limits) {
  const auto value = parse<double>(text);
  if (!value || !limits.hold(*value)) refuse(where, quoted(text), "a number", limits);
  return *value;
}

int64_t integer_from_text(const std::string& where, const std::string& text, const Limits& limits) {
  const auto value = parse<int64_t>(text);
  if (!value || !limits.hold(static_cast<double>(*value)))
    refuse(where, quoted(text), "an integer", limits);
  return *value;
}

double number_from_json(const std::string& where,
                        const nlohmann::json& value,
                        const Limits& limits) {
  if (!value.is_number() || !limits.hold(value.get<double>()))
    refuse(where, quoted(json_text(value)), "a number", limits);
  return value.get<double>();
}

int64_t integer_from_json(const std::string& where,
                          const nlohmann::json& value,
                          const Limits& limits) {
  if (!value.is_number_integer() || !limits.hold(value.get<double>()))
    refuse(where, quoted(json_text(value)), "an integer", limits);
  return value.get<int64_t>();
}

}  // namespace kvhost
