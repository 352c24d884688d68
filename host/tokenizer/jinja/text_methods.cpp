// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/format.hpp"
#include "tokenizer/jinja/function.hpp"
#include "tokenizer/jinja/methods.hpp"
#include "tokenizer/jinja/text_split.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

using Function = Value (*)(Runtime&, const Value&, const Arguments&);

template <std::string (*Change)(std::string_view)>
Value changed(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("str method", arguments, {});
  return Value::text_like(self, Change(self.as_text()));
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (const std::string& c : characters(text)) out += lower(c) == c ? upper(c) : lower(c);
  return out;
}

template <std::string_view (*Strip)(std::string_view, std::optional<std::string_view>)>
Value stripped(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("strip", arguments, {"chars"});
  const Value* set = bound.find(0);
  if (set == nullptr || set->is_none())
    return Value::text_like(self, std::string(Strip(self.as_text(), std::nullopt)));
  const std::string chars = bound.text(0, "");
  return Value::text_like(self, std::string(Strip(self.as_text(), chars)));
}

// Texts of a str or a tuple of them, for startswith and endswith.
std::vector<std::string> options(const Value& value, const char* method) {
  std::vector<std::string> out;
  if (value.is_text()) return {value.as_text()};
  if (!value.is_sequence(SequenceKind::Tuple))
    fail(std::string(method) + " first arg must be str or a tuple of str, not " + type_name(value));
  for (const Value& one : value.as_sequence()->items) {
    if (!one.is_text())
      fail("tuple for " + std::string(method) + " must only contain str, not " + type_name(one));
    out.push_back(one.as_text());
  }
  return out;
}

// self[start:end] and how many characters lie before it.
struct Window {
  std::string text;
  int64_t before;
};

Window window(const Value& self, const Bound& bound, size_t start) {
  const Value none;
  const Value* begin = bound.find(start) == nullptr ? &none : bound.find(start);
  const Value* end = bound.find(start + 1) == nullptr ? &none : bound.find(start + 1);
  if (begin->is_none() && end->is_none()) return {self.as_text(), 0};
  const auto n = static_cast<int64_t>(count_characters(self.as_text()));
  const int64_t from = begin->is_none() ? 0 : bound.integer(start, 0);
  return {get_slice(self, begin, end, &none).as_text(),
          std::clamp<int64_t>(from < 0 ? from + n : from, 0, n)};
}

Value starts_with(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("startswith", arguments, {"prefix", "start", "end"}, /*required=*/1);
  const std::string text = window(self, bound, 1).text;
  for (const std::string& one : options(bound.at(0), "startswith"))
    if (text.compare(0, one.size(), one) == 0) return Value::boolean(true);
  return Value::boolean(false);
}

Value ends_with(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("endswith", arguments, {"suffix", "start", "end"}, /*required=*/1);
  const std::string text = window(self, bound, 1).text;
  for (const std::string& one : options(bound.at(0), "endswith"))
    if (text.size() >= one.size() && text.compare(text.size() - one.size(), one.size(), one) == 0)
      return Value::boolean(true);
  return Value::boolean(false);
}

// In characters; -1: not there.
int64_t position(const Value& self, const Arguments& arguments, bool last, const char* method) {
  const Bound bound(method, arguments, {"sub", "start", "end"}, /*required=*/1);
  const Window where = window(self, bound, 1);
  const std::string part = bound.text(0, "");
  const size_t at = last ? where.text.rfind(part) : where.text.find(part);
  if (at == std::string::npos) return -1;
  return where.before + static_cast<int64_t>(count_characters(where.text.substr(0, at)));
}

template <bool Last>
Value find(Runtime&, const Value& self, const Arguments& arguments) {
  return Value::integer(position(self, arguments, Last, Last ? "rfind" : "find"));
}

template <bool Last>
Value index(Runtime&, const Value& self, const Arguments& arguments) {
  const int64_t at = position(self, arguments, Last, Last ? "rindex" : "index");
  if (at < 0) fail("substring not found");
  return Value::integer(at);
}

Value count(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"sub", "start", "end"}, /*required=*/1);
  return Value::integer(
      static_cast<int64_t>(count_of(window(self, bound, 1).text, bound.text(0, ""))));
}

Value replace(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"}, /*required=*/2);
  const std::string from = bound.text(0, ""), to = bound.text(1, "");
  check_growth(to.size(), count_of(self.as_text(), from));
  return Value::text_like(self, replace_all(self.as_text(), from, to, bound.integer(2, -1)));
}

Value join(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("join", arguments, {"iterable"}, /*required=*/1);
  std::string out;
  size_t i = 0;
  const auto all = elements(bound.at(0));
  for (const Value& one : all) {
    runtime.walk(one);
    if (!one.is_text())
      fail("sequence item " + std::to_string(i) + ": expected str instance, " + type_name(one) +
           " found");
    if (i++ > 0) out += self.as_text();
    out += one.as_text();
    check_growth(out.size(), 1);
  }
  return Value::text_like(self, std::move(out));
}

template <bool Prefix>
Value without(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound(Prefix ? "removeprefix" : "removesuffix", arguments, {"part"}, /*required=*/1);
  std::string text = self.as_text();
  const std::string part = bound.text(0, "");
  if (text.size() < part.size()) return self;
  const size_t at = Prefix ? 0 : text.size() - part.size();
  if (text.compare(at, part.size(), part) == 0) text.erase(at, part.size());
  return Value::text_like(self, std::move(text));
}

enum class Side { Left, Right, Both };

template <Side Where>
Value padded(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("padding", arguments, {"width", "fillchar"}, /*required=*/1);
  const auto n = static_cast<int64_t>(count_characters(self.as_text()));
  const int64_t missing = std::max<int64_t>(bound.integer(0, 0) - n, 0);
  const std::string fill = bound.text(1, " ");
  if (count_characters(fill) != 1) fail("The fill character must be exactly one character long");
  check_growth(fill.size(), static_cast<uint64_t>(missing));
  // Where both sides cannot be equal, Python's rule depends on both numbers being odd.
  const int64_t left = Where == Side::Left    ? missing
                       : Where == Side::Right ? 0
                                              : missing / 2 + (missing & (n + missing) & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += self.as_text();
  for (int64_t i = left; i < missing; ++i) out += fill;
  return Value::text_like(self, std::move(out));
}

Value zero_filled(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("zfill", arguments, {"width"}, /*required=*/1);
  const std::string& text = self.as_text();
  const auto n = static_cast<int64_t>(count_characters(text));
  const int64_t missing = std::max<int64_t>(bound.integer(0, 0) - n, 0);
  check_growth(1, static_cast<uint64_t>(missing));
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  return Value::text(text.substr(0, sign) + std::string(static_cast<size_t>(missing), '0') +
                     text.substr(sign));
}

// Is every character of a kind, and is there one?
template <bool (*Kind)(char32_t)>
Value all_are(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("str method", arguments, {});
  const std::string& text = self.as_text();
  for (size_t at = 0; at < text.size();)
    if (!Kind(utf8::next(text, at))) return Value::boolean(false);
  return Value::boolean(!text.empty());
}

bool is_letter_or_digit(char32_t c) { return is_alphabetic(c) || is_digit(c); }

template <std::string (*Change)(std::string_view)>
Value is_unchanged(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("str method", arguments, {});
  bool cased = false;
  const std::string& text = self.as_text();
  for (size_t at = 0; at < text.size();) cased = is_cased(utf8::next(text, at)) || cased;
  return Value::boolean(cased && Change(text) == text);
}

Value format(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return format_braces(runtime, self, arguments);
}

const std::map<std::string, Function>& methods() {
  static const std::map<std::string, Function> all = {{"capitalize", changed<capitalize>},
                                                      {"casefold", changed<lower>},
                                                      {"center", padded<Side::Both>},
                                                      {"count", count},
                                                      {"endswith", ends_with},
                                                      {"find", find<false>},
                                                      {"format", format},
                                                      {"index", index<false>},
                                                      {"isalnum", all_are<is_letter_or_digit>},
                                                      {"isalpha", all_are<is_alphabetic>},
                                                      {"isdecimal", all_are<is_digit>},
                                                      {"isdigit", all_are<is_digit>},
                                                      {"islower", is_unchanged<lower>},
                                                      {"isnumeric", all_are<is_digit>},
                                                      {"isspace", all_are<is_space>},
                                                      {"isupper", is_unchanged<upper>},
                                                      {"join", join},
                                                      {"ljust", padded<Side::Right>},
                                                      {"lower", changed<lower>},
                                                      {"lstrip", stripped<strip_left>},
                                                      {"partition", partition},
                                                      {"removeprefix", without<true>},
                                                      {"removesuffix", without<false>},
                                                      {"replace", replace},
                                                      {"rfind", find<true>},
                                                      {"rindex", index<true>},
                                                      {"rjust", padded<Side::Left>},
                                                      {"rpartition", partition_last},
                                                      {"rsplit", split_last},
                                                      {"rstrip", stripped<strip_right>},
                                                      {"split", split},
                                                      {"splitlines", split_into_lines},
                                                      {"startswith", starts_with},
                                                      {"strip", stripped<strip>},
                                                      {"swapcase", changed<swap_case>},
                                                      {"title", changed<title>},
                                                      {"upper", changed<upper>},
                                                      {"zfill", zero_filled}};
  return all;
}

}  // namespace

std::string capitalize(std::string_view text) {
  if (text.empty()) return "";
  const size_t first = utf8::length_of_lead(static_cast<unsigned char>(text[0]));
  return title_case(text.substr(0, first)) +
         lower(text).substr(lower(text.substr(0, first)).size());
}

std::string title(std::string_view text) {
  std::string out;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = utf8::next(text, at);
    const std::string_view one = text.substr(begin, at - begin);
    out += inside ? lower(one) : title_case(one);
    inside = is_cased(c);
  }
  return out;
}

std::optional<Value> find_text_method(const Value& value, const std::string& name) {
  static const char* const kOthers[] = {"encode",
                                        "expandtabs",
                                        "format_map",
                                        "isascii",
                                        "isidentifier",
                                        "isprintable",
                                        "istitle",
                                        "maketrans",
                                        "translate"};
  if (const auto found = methods().find(name); found != methods().end())
    return make_function(name, value, found->second);
  for (const char* other : kOthers)
    if (name == other) fail("the method str." + name + "() is not supported");
  return std::nullopt;
}

}  // namespace kvhost::jinja
