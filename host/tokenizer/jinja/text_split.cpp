// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/text_split.hpp"

#include <algorithm>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

Value list_of(const Value& self, const std::vector<std::string_view>& parts) {
  std::vector<Value> out;
  for (const std::string_view part : parts)
    out.push_back(Value::text_like(self, std::string(part)));
  return Value::list(std::move(out));
}

// The length of the run of characters at the front that are white space (or are not).
size_t run_length(std::string_view text, bool spaces) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (is_space(utf8::next(text, next)) != spaces) break;
    at = next;
  }
  return at;
}

size_t run_length_at_end(std::string_view text, bool spaces) {
  size_t at = text.size();
  while (at > 0) {
    const size_t before = utf8::previous(text, at);
    size_t next = before;
    if (is_space(utf8::next(text, next)) != spaces) break;
    at = before;
  }
  return text.size() - at;
}

std::vector<std::string_view> split_spaces(std::string_view text, int64_t limit) {
  std::vector<std::string_view> out;
  for (;; --limit) {
    text.remove_prefix(run_length(text, /*spaces=*/true));
    if (text.empty()) return out;
    const size_t length = limit == 0 ? text.size() : run_length(text, /*spaces=*/false);
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

std::vector<std::string_view> split_spaces_last(std::string_view text, int64_t limit) {
  std::vector<std::string_view> out;
  for (;; --limit) {
    text.remove_suffix(run_length_at_end(text, /*spaces=*/true));
    if (text.empty()) break;
    const size_t length = limit == 0 ? text.size() : run_length_at_end(text, /*spaces=*/false);
    out.push_back(text.substr(text.size() - length));
    text.remove_suffix(length);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view by, int64_t limit) {
  std::vector<std::string_view> out;
  for (size_t at; limit != 0 && (at = text.find(by)) != std::string_view::npos; --limit) {
    out.push_back(text.substr(0, at));
    text.remove_prefix(at + by.size());
  }
  out.push_back(text);
  return out;
}

std::vector<std::string_view> split_at_last(std::string_view text,
                                            std::string_view by,
                                            int64_t limit) {
  std::vector<std::string_view> out;
  for (size_t at; limit != 0 && (at = text.rfind(by)) != std::string_view::npos; --limit) {
    out.push_back(text.substr(at + by.size()));
    text = text.substr(0, at);
  }
  out.push_back(text);
  std::reverse(out.begin(), out.end());
  return out;
}

Value split_by(const Value& self, const Arguments& arguments, bool last) {
  const Bound bound(last ? "rsplit" : "split", arguments, {"sep", "maxsplit"});
  const int64_t limit = std::max<int64_t>(bound.integer(1, -1), -1);
  if (bound.find(0) == nullptr || bound.at(0).is_none())
    return list_of(
        self,
        last ? split_spaces_last(self.as_text(), limit) : split_spaces(self.as_text(), limit));
  const std::string by = bound.text(0, "");
  if (by.empty()) fail("empty separator");
  return list_of(
      self, last ? split_at_last(self.as_text(), by, limit) : split_at(self.as_text(), by, limit));
}

Value parted(const Value& self, const Arguments& arguments, bool last) {
  const Bound bound(last ? "rpartition" : "partition", arguments, {"sep"}, /*required=*/1);
  const std::string& text = self.as_text();
  const std::string by = bound.text(0, "");
  if (by.empty()) fail("empty separator");
  const size_t at = last ? text.rfind(by) : text.find(by);
  const auto part = [&self](std::string t) { return Value::text_like(self, std::move(t)); };
  if (at == std::string::npos)
    return last ? Value::tuple({part(""), part(""), self})
                : Value::tuple({self, part(""), part("")});
  return Value::tuple({part(text.substr(0, at)), part(by), part(text.substr(at + by.size()))});
}

}  // namespace

Value split(Runtime&, const Value& self, const Arguments& arguments) {
  return split_by(self, arguments, /*last=*/false);
}

Value split_last(Runtime&, const Value& self, const Arguments& arguments) {
  return split_by(self, arguments, /*last=*/true);
}

Value partition(Runtime&, const Value& self, const Arguments& arguments) {
  return parted(self, arguments, /*last=*/false);
}

Value partition_last(Runtime&, const Value& self, const Arguments& arguments) {
  return parted(self, arguments, /*last=*/true);
}

Value split_into_lines(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("splitlines", arguments, {"keepends"});
  return list_of(self, split_lines(self.as_text(), bound.flag(0, false)));
}

}  // namespace kvhost::jinja
