// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/format.hpp"

#include <algorithm>
#include <charconv>

#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/python_text.hpp"

namespace kvhost::jinja {

namespace {

bool all_digits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

Value key_of(const std::string& text) {
  int64_t index = 0;
  if (!all_digits(text)) return Value::text(text);
  if (std::from_chars(text.data(), text.data() + text.size(), index).ec != std::errc())
    fail("Too many decimal digits in format string");
  return Value::integer(index);
}

// The replacement fields of one str.format() call.
class Fields {
 public:
  Fields(Runtime& runtime, const Arguments& arguments) : runtime_(runtime), arguments_(arguments) {}

  // "0.name[key]!r:>8"
  std::string replacement(const std::string& field) {
    const size_t colon = field.find(':');
    std::string name = field.substr(0, colon);
    const std::string spec = colon == std::string::npos ? "" : field.substr(colon + 1);
    if (spec.find('{') != std::string::npos)
      fail("fields inside a format specification are not supported");
    char conversion = '\0';
    if (const size_t mark = name.find('!'); mark != std::string::npos) {
      if (mark + 2 != name.size()) fail("expected ':' after conversion specifier");
      conversion = name[mark + 1];
      name.erase(mark);
    }
    Value value = look_up(name);
    require_defined(spec.empty() ? Value() : value);
    runtime_.walk(value);
    if (conversion == 'r') value = Value::text(repr(value));
    if (conversion == 's') value = Value::text(to_text(value));
    if (conversion != '\0' && conversion != 'r' && conversion != 's')
      fail(std::string("the conversion !") + conversion + " is not supported; expected !r or !s");
    return format_value(value, parse_format_spec(spec));
  }

 private:
  Value first(const std::string& name) {
    if (!name.empty() && !all_digits(name)) {
      for (const auto& [known, value] : arguments_.named)
        if (known == name) return value;
      fail("KeyError: " + repr_text(name) + " is not among the arguments of format()");
    }
    if (name.empty() != (numbering_ != Numbering::Manual) && numbering_ != Numbering::Unknown)
      fail("cannot switch between automatic field numbering and manual field specification");
    numbering_ = name.empty() ? Numbering::Automatic : Numbering::Manual;
    const auto index = name.empty() ? next_++ : static_cast<size_t>(key_of(name).as_integer());
    if (index >= arguments_.positional.size())
      fail("Replacement index " + std::to_string(index) +
           " out of range for positional args tuple");
    return arguments_.positional[index];
  }

  Value look_up(const std::string& name) {
    size_t at = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, at));
    while (at < name.size()) {
      const bool dot = name[at] == '.';
      const size_t end =
          dot ? std::min(name.find_first_of(".[", at + 1), name.size()) : name.find(']', at);
      if (end == std::string::npos) fail("expected '}' before end of string");
      const std::string part = name.substr(at + 1, end - at - 1);
      if (part.empty()) fail("Empty attribute in format string");
      value = dot ? get_attribute(runtime_, value, part) : get_item(runtime_, value, key_of(part));
      at = dot ? end : end + 1;
    }
    return value;
  }

  enum class Numbering { Unknown, Automatic, Manual };

  Runtime& runtime_;
  const Arguments& arguments_;
  Numbering numbering_ = Numbering::Unknown;
  size_t next_ = 0;
};

// One "%..." of the % operator, from behind the sign; `at` moves behind it.
struct Conversion {
  FormatSpec spec;
  std::string key;
  bool keyed = false;
  char type = '\0';
};

Conversion read_conversion(const std::string& text, size_t* at) {
  Conversion out;
  if (*at < text.size() && text[*at] == '(') {
    const size_t end = text.find(')', *at);
    if (end == std::string::npos) fail("incomplete format key");
    out.key = text.substr(*at + 1, end - *at - 1);
    out.keyed = true;
    *at = end + 1;
  }
  const size_t end = text.find_first_not_of("-+ #0123456789.", *at);
  if (end == std::string::npos) fail("incomplete format");
  std::string spec = text.substr(*at, end - *at);
  out.type = text[end];
  *at = end + 1;
  const bool left = spec.find('-') != std::string::npos;
  std::erase(spec, '-');
  out.spec = parse_format_spec(spec);
  if (left) out.spec.align = '<', out.spec.fill = " ";
  return out;
}

std::string convert(const Value& value, Conversion* how) {
  const char type = how->type == 'i' || how->type == 'u' ? 'd' : how->type;
  if (how->spec.align == '\0') how->spec.align = '>';
  if (type == 's' || type == 'r') {
    if (how->spec.align == '=') how->spec.align = '>', how->spec.fill = " ";
    return format_value(Value::text(type == 's' ? to_text(value) : repr(value)), how->spec);
  }
  if (std::string_view("dxXoeEfFgG").find(type) == std::string_view::npos)
    fail(std::string("unsupported format character '") + type + "'");
  if (!value.is_number())
    fail(std::string("%") + type + " format: a real number is required, not " + type_name(value));
  how->spec.type = type;
  const bool truncated = value.is_float() && type == 'd';
  return format_value(truncated ? Value::integer(static_cast<int64_t>(value.as_double())) : value,
                      how->spec);
}

}  // namespace

Value format_braces(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const std::string& text = self.as_text();
  Fields fields(runtime, arguments);
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c != '{' && c != '}') {
      out += text[at++];
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == c) {
      out += c;
      at += 2;
      continue;
    }
    if (c == '}') fail("Single '}' encountered in format string");
    const size_t end = text.find('}', at);
    if (end == std::string::npos) fail("expected '}' before end of string");
    out += fields.replacement(text.substr(at + 1, end - at - 1));
    check_growth(out.size(), 1);
    at = end + 1;
  }
  return Value::text_like(self, std::move(out));
}

Value format_percent(const Value& self, const Value& values) {
  const std::string& text = self.as_text();
  std::vector<Value> all;
  if (values.is_sequence(SequenceKind::Tuple))
    all = values.as_sequence()->items;
  else
    all.push_back(values);
  size_t used = 0;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      out += text[at++];
      continue;
    }
    ++at;
    Conversion how = read_conversion(text, &at);
    if (how.type == '%') {
      out += '%';
      continue;
    }
    if (how.keyed && !values.is_dict()) fail("format requires a mapping");
    const Value* value = how.keyed ? values.as_dict().find(how.key) : nullptr;
    if (how.keyed && value == nullptr) fail("KeyError: " + repr_text(how.key));
    if (!how.keyed && used == all.size()) fail("not enough arguments for format string");
    out += convert(how.keyed ? *value : all[used++], &how);
    check_growth(out.size(), 1);
  }
  if (used < all.size() && !values.is_dict())
    fail("not all arguments converted during string formatting");
  return Value::text_like(self, std::move(out));
}

}  // namespace kvhost::jinja
