// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/format.hpp"
#include "tokenizer/jinja/python_text.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

constexpr int64_t kMaxWidth = 1'000'000;

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

int64_t read_count(const std::string& text, size_t* at) {
  int64_t n = 0;
  while (*at < text.size() && text[*at] >= '0' && text[*at] <= '9') {
    n = n * 10 + (text[(*at)++] - '0');
    if (n > kMaxWidth) fail("a width or precision of more than 1000000; that is the limit");
  }
  return n;
}

std::string in_base(uint64_t n, unsigned base, bool upper) {
  // A pointer: GCC 12's sanitizers misread an index into a choice of two literals.
  const char* const digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out += digits[n % base];
    n /= base;
  } while (n > 0);
  std::reverse(out.begin(), out.end());
  return out;
}

void group_thousands(std::string* digits) {
  size_t end = digits->find_first_not_of("0123456789");
  if (end == std::string::npos) end = digits->size();
  for (size_t at = end; at > 3; at -= 3) digits->insert(at - 3, ",");
}

std::string integer_digits(uint64_t n, const FormatSpec& spec) {
  switch (spec.type) {
    case 'x':
    case 'X':
      return (spec.alternate ? std::string("0") + spec.type : "") +
             in_base(n, 16, spec.type == 'X');
    case 'o':
      return (spec.alternate ? "0o" : "") + in_base(n, 8, false);
    case 'b':
      return (spec.alternate ? "0b" : "") + in_base(n, 2, false);
    default:
      return in_base(n, 10, false);
  }
}

std::string float_digits(double number, const FormatSpec& spec) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return "inf";
  const char type = spec.type == '%' ? 'f' : spec.type == '\0' ? 'g' : spec.type;
  if (spec.type == '%') number *= 100;
  const int precision =
      static_cast<int>(spec.precision < 0 ? 6 : std::min<int64_t>(spec.precision, 1000));
  const std::string format = std::string("%.*") + type;
  std::vector<char> buffer(static_cast<size_t>(precision) + 400);
  std::snprintf(buffer.data(), buffer.size(), format.c_str(), precision, number);
  return std::string(buffer.data()) + (spec.type == '%' ? "%" : "");
}

// `sign` stays in front of zeros that fill.
std::string padded(const std::string& sign,
                   const std::string& text,
                   const FormatSpec& spec,
                   char align) {
  const auto length = static_cast<int64_t>(sign.size() + count_characters(text));
  const int64_t missing = std::max<int64_t>(spec.width - length, 0);
  const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string before, after;
  for (int64_t i = 0; i < left; ++i) before += spec.fill;
  for (int64_t i = left; i < missing; ++i) after += spec.fill;
  return align == '=' ? sign + before + text : before + sign + text + after;
}

std::string format_number(const Value& value, const FormatSpec& spec) {
  static const std::string kFloatTypes = "eEfFgG%";
  const bool as_float = value.is_float() || kFloatTypes.find(spec.type) != std::string::npos;
  std::string digits;
  bool negative = false;
  if (as_float) {
    const double number = value.as_double();
    negative = std::signbit(number) && !std::isnan(number);
    digits = spec.type == '\0' && spec.precision < 0 ? repr_float(std::abs(number))
                                                     : float_digits(std::abs(number), spec);
  } else {
    const int64_t n = value.as_integer();
    negative = n < 0;
    digits = integer_digits(
        negative ? uint64_t{0} - static_cast<uint64_t>(n) : static_cast<uint64_t>(n), spec);
  }
  if (spec.grouped) group_thousands(&digits);
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  return padded(sign, digits, spec, spec.align == '\0' ? '>' : spec.align);
}

}  // namespace

FormatSpec parse_format_spec(const std::string& text) {
  FormatSpec spec;
  size_t at = 0;
  const size_t first = text.empty() ? 0 : utf8::length_of_lead(static_cast<unsigned char>(text[0]));
  if (first > 0 && first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[at++];
  }
  const auto next_is = [&](const char* set) {
    return at < text.size() && std::string_view(set).find(text[at]) != std::string_view::npos;
  };
  if (next_is("+- ")) spec.sign = text[at++];
  if (next_is("#")) spec.alternate = ++at > 0;
  if (next_is("0")) {
    if (spec.align == '\0') spec.align = '=', spec.fill = "0";
    ++at;
  }
  spec.width = read_count(text, &at);
  if (next_is(",")) spec.grouped = ++at > 0;
  if (next_is(".")) spec.precision = read_count(text, &++at);
  if (next_is("sdxXobeEfFgG%")) spec.type = text[at++];
  if (at != text.size()) fail("Invalid format specifier " + repr_text(text));
  return spec;
}

std::string format_value(const Value& value, const FormatSpec& spec) {
  if (value.is_number() && spec.type != 's' &&
      !(value.is_bool() && spec.type == '\0' && spec.width == 0))
    return format_number(value, spec);
  if (spec.type != '\0' && spec.type != 's')
    fail(std::string("Unknown format code '") + spec.type + "' for object of type '" +
         type_name(value) + "'");
  std::string text = to_text(value);
  if (spec.precision >= 0) {
    const auto all = characters(text);
    text.clear();
    for (size_t i = 0; i < std::min(all.size(), static_cast<size_t>(spec.precision)); ++i)
      text += all[i];
  }
  return padded("", text, spec, spec.align == '\0' || spec.align == '=' ? '<' : spec.align);
}

}  // namespace kvhost::jinja
