// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/python_text.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

std::string repr_sequence(const Sequence& sequence) {
  if (sequence.kind == SequenceKind::Generator) return "<generator object>";
  if (sequence.kind == SequenceKind::Range) {
    const auto& items = sequence.items;
    const int64_t begin = items.empty() ? 0 : items.front().as_integer();
    const int64_t step = items.size() < 2 ? 1 : items[1].as_integer() - begin;
    const int64_t end = begin + step * static_cast<int64_t>(items.size());
    const std::string text = "range(" + std::to_string(begin) + ", " + std::to_string(end);
    return text + (step == 1 ? ")" : ", " + std::to_string(step) + ")");
  }
  std::string inside;
  for (const Value& item : sequence.items) {
    if (!inside.empty()) inside += ", ";
    inside += repr(item);
  }
  switch (sequence.kind) {
    case SequenceKind::Tuple:
      return "(" + inside + (sequence.items.size() == 1 ? ",)" : ")");
    case SequenceKind::DictKeys:
      return "dict_keys([" + inside + "])";
    case SequenceKind::DictValues:
      return "dict_values([" + inside + "])";
    case SequenceKind::DictItems:
      return "dict_items([" + inside + "])";
    default:
      return "[" + inside + "]";
  }
}

std::string repr_dict(const Dict& dict) {
  std::string inside;
  for (const auto& [key, value] : dict.entries()) {
    if (!inside.empty()) inside += ", ";
    inside += repr(key) + ": " + repr(value);
  }
  return "{" + inside + "}";
}

void append_escaped(std::string* out, char32_t c) {
  char code[16];
  const char* format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
  std::snprintf(code, sizeof code, format, static_cast<unsigned>(c));
  *out += code;
}

}  // namespace

std::string repr_text(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos;
  const char quote = single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = utf8::next(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\')
      out += {'\\', static_cast<char>(c)};
    else if (c == '\n' || c == '\r' || c == '\t')
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    else if (is_printable(c))
      utf8::append(out, c);
    else
      append_escaped(&out, c);
  }
  return out + quote;
}

std::string repr_float(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  const std::string shortest(buffer, end.ptr);  // d.ddde+xx
  const int exponent = std::atoi(shortest.c_str() + shortest.find('e') + 1);
  if (exponent < -4 || exponent >= 16) return shortest;
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
  std::string out(buffer, fixed.ptr);
  return out.find('.') == std::string::npos ? out + ".0" : out;
}

std::string repr(const Value& value) {
  if (value.is_text())
    return value.is_markup() ? "Markup(" + repr_text(value.as_text()) + ")"
                             : repr_text(value.as_text());
  if (value.is_undefined()) return "Undefined";
  return to_text(value);
}

std::string to_text(const Value& value) {
  if (value.is_text()) return value.as_text();
  if (value.is_undefined()) return "";
  if (value.is_none()) return "None";
  if (value.is_bool()) return value.as_bool() ? "True" : "False";
  if (value.is_integer()) return std::to_string(value.as_integer());
  if (value.is_float()) return repr_float(value.as_double());
  if (value.is_dict()) return repr_dict(value.as_dict());
  return value.is_object() ? value.as_object().repr() : repr_sequence(*value.as_sequence());
}

}  // namespace kvhost::jinja
