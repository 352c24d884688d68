// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tokenizer/jinja/compare.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/json.hpp"
#include "tokenizer/jinja/python_text.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

class Writer {
 public:
  explicit Writer(const JsonStyle& style) : style_(style) {}

  void write(const Value& value) {
    check_growth(out_.size(), 1);
    if (value.is_none())
      out_ += "null";
    else if (value.is_bool())
      out_ += value.as_bool() ? "true" : "false";
    else if (value.is_integer())
      out_ += std::to_string(value.as_integer());
    else if (value.is_float())
      out_ += number(value.as_double());
    else if (value.is_text())
      write_text(value.as_text());
    else if (value.is_dict())
      write_dict(value.as_dict());
    else if (value.is_sequence(SequenceKind::List) || value.is_sequence(SequenceKind::Tuple))
      write_list(value.as_sequence()->items);
    else
      fail("Object of type " + type_name(value) + " is not JSON serializable");
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return repr_float(value);
  }

  void write_text(std::string_view text) {
    static constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      const char32_t c = utf8::next(text, at);
      const size_t known = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : std::string_view::npos;
      if (known != std::string_view::npos)
        out_ += {'\\', kLetters[known]};
      else if (c < 0x20 || (style_.ascii && c >= 0x7F))
        write_code(c);
      else
        utf8::append(out_, c);
    }
    out_ += '"';
  }

  void write_code(char32_t c) {
    char code[16];
    if (c >= 0x10000) {
      const auto rest = static_cast<unsigned>(c - 0x10000);
      std::snprintf(
          code, sizeof code, "\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
    }
    out_ += code;
  }

  void new_line() {
    if (!style_.indented) return;
    out_ += '\n';
    for (int i = 0; i < level_; ++i) out_ += style_.indent;
  }

  void write_list(const std::vector<Value>& items) {
    out_ += '[';
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      write(items[i]);
    }
    --level_;
    if (!items.empty()) new_line();
    out_ += ']';
  }

  static std::string key_text(const Value& key) {
    if (key.is_text()) return key.as_text();
    if (key.is_bool()) return key.as_bool() ? "true" : "false";
    if (key.is_none()) return "null";
    if (key.is_float()) return number(key.as_double());
    if (key.is_integer()) return std::to_string(key.as_integer());
    fail("keys must be str, int, float, bool or None, not " + type_name(key));
  }

  void write_dict(const Dict& dict) {
    std::vector<const Dict::Entry*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sorted)
      std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
        return less(a->first, b->first);
      });
    out_ += '{';
    ++level_;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      write_text(key_text(entries[i]->first));
      out_ += style_.key_separator;
      write(entries[i]->second);
    }
    --level_;
    if (!entries.empty()) new_line();
    out_ += '}';
  }

  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style) {
  Writer writer(style);
  writer.write(value);
  return writer.take();
}

}  // namespace kvhost::jinja
