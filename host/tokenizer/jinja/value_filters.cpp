// SPDX-License-Identifier: Apache-2.0
// Filters over single values.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "tokenizer/jinja/arithmetic.hpp"
#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/filters.hpp"
#include "tokenizer/jinja/methods.hpp"

namespace kvhost::jinja {

namespace {

Value otherwise(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("default", arguments, {"default_value", "boolean"});
  const bool missing = subject.is_undefined() || (bound.flag(1, false) && !truthy(subject));
  if (!missing) return subject;
  return bound.find(0) == nullptr ? Value::text("") : bound.at(0);
}

// A number as Python's int() and float() read it: white space around, single underscores inside.
std::optional<std::string> plain_number(const std::string& text) {
  std::string out(strip(text, std::nullopt));
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] != '_') continue;
    const auto digit = [&out](size_t at) {
      return at < out.size() && out[at] >= '0' && out[at] <= '9';
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
    out.erase(i--, 1);
  }
  if (!out.empty() && out[0] == '+') out.erase(0, 1);
  if (out.empty() || out[0] == '+') return std::nullopt;
  return out;
}

std::optional<double> read_float(const std::string& text) {
  const auto plain = plain_number(text);
  if (!plain || plain->find_first_of("xXpP") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(plain->c_str(), &end);
  return *end == '\0' && end != plain->c_str() ? std::optional(number) : std::nullopt;
}

std::optional<int64_t> truncated(double number) {
  if (!(std::abs(number) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<int64_t> read_integer(const std::string& text, int base) {
  auto plain = plain_number(text);
  if (!plain) return std::nullopt;
  const bool negative = (*plain)[0] == '-';
  if (negative) plain->erase(0, 1);
  const char letter =
      plain->size() > 1 && (*plain)[0] == '0' ? static_cast<char>((*plain)[1] | 0x20) : '\0';
  if ((base == 16 && letter == 'x') || (base == 8 && letter == 'o') || (base == 2 && letter == 'b'))
    plain->erase(0, 2);
  int64_t number = 0;
  const std::string digits = (negative ? "-" : "") + *plain;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Value to_integer(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("int", arguments, {"default", "base"});
  const int64_t base = bound.integer(1, 10);
  if (base < 2 || base > 36)
    fail("int(): a base of " + std::to_string(base) + "; expected 2 to 36");
  std::optional<int64_t> number;
  if (subject.is_float()) {
    number = truncated(subject.as_double());
  } else if (subject.is_number()) {
    number = subject.as_integer();
  } else if (subject.is_text()) {
    number = read_integer(subject.as_text(), static_cast<int>(base));
    if (const auto real = read_float(subject.as_text()); !number && real) number = truncated(*real);
  } else {
    require_defined(subject);
  }
  if (number) return Value::integer(*number);
  return bound.find(0) == nullptr ? Value::integer(0) : bound.at(0);
}

Value to_float(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("float", arguments, {"default"});
  require_defined(subject);
  if (subject.is_number()) return Value::number(subject.as_double());
  const auto number = subject.is_text() ? read_float(subject.as_text()) : std::nullopt;
  if (number) return Value::number(*number);
  return bound.find(0) == nullptr ? Value::number(0) : bound.at(0);
}

Value absolute(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("abs", arguments, {});
  require_defined(subject);
  if (!subject.is_number()) fail("bad operand type for abs(): '" + type_name(subject) + "'");
  if (subject.is_float()) return Value::number(std::abs(subject.as_double()));
  return subject.as_integer() < 0 ? negate(subject) : plus(subject);
}

Value rounded(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("round", arguments, {"precision", "method"});
  require_defined(subject);
  if (!subject.is_number()) fail("type " + type_name(subject) + " doesn't define __round__ method");
  const int64_t precision = bound.integer(0, 0);
  const std::string method = bound.text(1, "common");
  if (precision < -300 || precision > 300)
    fail("round() to " + std::to_string(precision) + " digits");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double number = subject.as_double();
  if (method == "ceil") return Value::number(std::ceil(number * scale) / scale);
  if (method == "floor") return Value::number(std::floor(number * scale) / scale);
  if (method != "common") fail("method must be common, ceil or floor");
  if (!subject.is_float() && precision >= 0) return subject;
  // Through the decimal text, as Python: no binary product decides a half.
  if (precision < 0 || !std::isfinite(number))
    return Value::number(std::nearbyint(number * scale) / scale);
  char text[800];
  std::snprintf(text, sizeof text, "%.*f", static_cast<int>(precision), number);
  return Value::number(std::strtod(text, nullptr));
}

Value attribute(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("attr", arguments, {"name"}, /*required=*/1);
  const std::string name = bound.text(0, "");
  const bool known = subject.is_object() ? subject.as_object().attribute(name).has_value()
                                         : find_method(subject, name).has_value();
  if (!known)
    return Value::undefined("'" + type_name(subject) + " object' has no attribute '" + name + "'");
  return get_attribute(runtime, subject, name);
}

}  // namespace

const std::map<std::string, FilterCode>& value_filters() {
  static const std::map<std::string, FilterCode> all = {{"abs", absolute},
                                                        {"attr", attribute},
                                                        {"d", otherwise},
                                                        {"default", otherwise},
                                                        {"float", to_float},
                                                        {"int", to_integer},
                                                        {"round", rounded}};
  return all;
}

}  // namespace kvhost::jinja
