// SPDX-License-Identifier: Apache-2.0
// Filters that make a text.
#include <algorithm>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/filters.hpp"
#include "tokenizer/jinja/format.hpp"
#include "tokenizer/jinja/json.hpp"
#include "tokenizer/jinja/methods.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

// str() that keeps Markup.
Value soft(Runtime& runtime, const Value& value) {
  return value.is_text() ? value : Value::text(text_of(runtime, value));
}

template <std::string (*Change)(std::string_view)>
Value changed(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("filter", arguments, {});
  const Value text = soft(runtime, subject);
  return Value::text_like(text, Change(text.as_text()));
}

Value string(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("string", arguments, {});
  return soft(runtime, subject);
}

// The filter's own rule, which differs from str.title(): words begin behind white space, - ( { [ <.
std::string title_words(std::string_view text) {
  std::string out;
  bool begins = true;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = utf8::next(text, at);
    const std::string_view one = text.substr(start, at - start);
    const bool cut = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    out += cut ? std::string(one) : begins ? upper(one) : lower(one);
    begins = cut;
  }
  return out;
}

Value trim(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("trim", arguments, {"chars"});
  const Value text = soft(runtime, subject);
  const bool spaces = bound.find(0) == nullptr || bound.at(0).is_none();
  const std::string set = spaces ? "" : bound.text(0, "");
  return Value::text_like(
      text,
      std::string(
          strip(text.as_text(), spaces ? std::nullopt : std::optional<std::string_view>(set))));
}

Value replace(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"}, /*required=*/2);
  const std::string text = text_of(runtime, subject);
  const std::string from = text_of(runtime, bound.at(0)), to = text_of(runtime, bound.at(1));
  const bool all = bound.find(2) == nullptr || bound.at(2).is_none();
  check_growth(to.size(), count_of(text, from));
  return Value::text(replace_all(text, from, to, all ? -1 : bound.integer(2, -1)));
}

Value escape(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("escape", arguments, {});
  if (subject.is_markup()) return subject;
  return Value::markup(escape_html(text_of(runtime, subject)));
}

Value safe(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("safe", arguments, {});
  return subject.is_markup() ? subject : Value::markup(text_of(runtime, subject));
}

Value join(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("join", arguments, {"d", "attribute"});
  const std::string between = bound.find(0) == nullptr ? "" : text_of(runtime, bound.at(0));
  const Value* attribute = bound.find(1);
  std::string out;
  const auto all = elements(subject);
  for (size_t i = 0; i < all.size(); ++i) {
    const Value& one = all[i];
    if (i > 0) out += between;
    out += text_of(runtime,
                   attribute == nullptr || attribute->is_none()
                       ? one
                       : look_up_path(runtime, one, *attribute));
    check_growth(out.size(), 1);
  }
  return Value::text(std::move(out));
}

// Jinja's: every line but the first (and, unless asked, empty ones) moves right.
Value indent(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("indent", arguments, {"width", "first", "blank"});
  require_defined(subject);
  if (!subject.is_text()) fail("indent() of " + type_name(subject) + "; expected str");
  const Value& text = subject;
  const bool spelled = bound.find(0) != nullptr && bound.at(0).is_text();
  const int64_t width = spelled ? 0 : std::max<int64_t>(bound.integer(0, 4), 0);
  check_growth(1, static_cast<uint64_t>(width));
  const std::string by =
      spelled ? bound.at(0).as_text() : std::string(static_cast<size_t>(width), ' ');
  const bool blank = bound.flag(2, false);
  const std::string ended = text.as_text() + "\n";  // so that an empty text is a line
  const auto lines = split_lines(ended, /*keep_ends=*/false);
  check_growth(by.size() + 1, lines.size());
  std::string out = bound.flag(1, false) ? by : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += by;
    out += lines[i];
  }
  return Value::text_like(text, std::move(out));
}

Value center(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("center", arguments, {"width"});
  const Value text = soft(runtime, subject);
  return call(
      runtime, *find_text_method(text, "center"), {{Value::integer(bound.integer(0, 80))}, {}});
}

Value format(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    fail("can't handle positional and keyword arguments at the same time");
  const Value text = soft(runtime, subject);
  Dict named;
  for (const auto& [name, value] : arguments.named) named.set(name, value);
  const Value values =
      arguments.named.empty() ? Value::tuple(arguments.positional) : Value::dict(std::move(named));
  runtime.walk(values);
  return format_percent(text, values);
}

std::string indent_of(const Value& value) {
  if (value.is_text() && value.as_text().size() <= 100) return value.as_text();
  if (value.is_integer() && value.as_integer() <= 100)
    return std::string(static_cast<size_t>(std::max<int64_t>(value.as_integer(), 0)), ' ');
  fail("tojson(): an indent of " + type_name(value) + "; expected at most 100 spaces");
}

Value to_json_text(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = bound.flag(0, false);
  style.sorted = bound.flag(3, false);
  if (bound.find(1) != nullptr && !bound.at(1).is_none()) {
    style.indented = true;
    style.indent = indent_of(bound.at(1));
    style.item_separator = ",";
  }
  if (bound.find(2) != nullptr && !bound.at(2).is_none()) {
    const auto pair = elements(bound.at(2));
    if (pair.size() != 2 || !pair[0].is_text() || !pair[1].is_text())
      fail("tojson(): separators are " + type_name(bound.at(2)) + "; expected a pair of str");
    style.item_separator = pair[0].as_text();
    style.key_separator = pair[1].as_text();
  }
  runtime.walk(subject);
  return Value::text(to_json(subject, style));
}

Value count_words(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("wordcount", arguments, {});
  int64_t words = 0;
  bool inside = false;
  const std::string text = text_of(runtime, subject);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = utf8::next(text, at);
    const bool in_word = is_alphabetic(c) || is_digit(c) || c == '_';
    words += in_word && !inside;
    inside = in_word;
  }
  return Value::integer(words);
}

}  // namespace

const std::map<std::string, FilterCode>& text_filters() {
  static const std::map<std::string, FilterCode> all = {{"capitalize", changed<capitalize>},
                                                        {"center", center},
                                                        {"e", escape},
                                                        {"escape", escape},
                                                        {"format", format},
                                                        {"indent", indent},
                                                        {"join", join},
                                                        {"lower", changed<lower>},
                                                        {"replace", replace},
                                                        {"safe", safe},
                                                        {"string", string},
                                                        {"title", changed<title_words>},
                                                        {"tojson", to_json_text},
                                                        {"trim", trim},
                                                        {"upper", changed<upper>},
                                                        {"wordcount", count_words}};
  return all;
}

}  // namespace kvhost::jinja
