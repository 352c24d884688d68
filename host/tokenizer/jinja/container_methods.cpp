// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizer/jinja/compare.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/function.hpp"
#include "tokenizer/jinja/methods.hpp"
#include "tokenizer/jinja/python_text.hpp"

namespace kvhost::jinja {

namespace {

Value get(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("get", arguments, {"key", "default"}, /*required=*/1);
  if (const Value* found = self.as_dict().find(bound.at(0))) return *found;
  return bound.find(1) == nullptr ? Value() : bound.at(1);
}

Value keys(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("keys", arguments, {});
  runtime.touch(self);
  return Value::sequence(SequenceKind::DictKeys, elements(self).copy());
}

Value values(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("values", arguments, {});
  runtime.touch(self);
  std::vector<Value> out;
  for (const auto& [key, value] : self.as_dict().entries()) out.push_back(value);
  return Value::sequence(SequenceKind::DictValues, std::move(out));
}

Value items(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("items", arguments, {});
  runtime.touch(self);
  std::vector<Value> out;
  for (const auto& [key, value] : self.as_dict().entries())
    out.push_back(Value::tuple({key, value}));
  return Value::sequence(SequenceKind::DictItems, std::move(out));
}

Value copy(Runtime&, const Value& self, const Arguments& arguments) {
  const Bound bound("copy", arguments, {});
  return self;
}

Value count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"value"}, /*required=*/1);
  runtime.walk(self);
  const auto& all = self.as_sequence()->items;
  return Value::integer(std::count_if(
      all.begin(), all.end(), [&bound](const Value& one) { return equal(one, bound.at(0)); }));
}

Value index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("index", arguments, {"value"}, /*required=*/1);
  runtime.walk(self);
  const auto& all = self.as_sequence()->items;
  for (size_t i = 0; i < all.size(); ++i)
    if (equal(all[i], bound.at(0))) return Value::integer(static_cast<int64_t>(i));
  fail(repr(bound.at(0)) + " is not in " + type_name(self));
}

using Function = Value (*)(Runtime&, const Value&, const Arguments&);

std::optional<Value> method(const Value& self, const std::string& name, Function code) {
  return make_function(name, self, code);
}

std::optional<Value> dict_method(const Value& self, const std::string& name) {
  if (name == "get") return method(self, name, get);
  if (name == "keys") return method(self, name, keys);
  if (name == "values") return method(self, name, values);
  if (name == "items") return method(self, name, items);
  if (name == "copy") return method(self, name, copy);
  return std::nullopt;
}

std::optional<Value> list_method(const Value& self, const std::string& name) {
  if (name == "count") return method(self, name, count);
  if (name == "index") return method(self, name, index);
  if (name == "copy" && self.is_sequence(SequenceKind::List)) return method(self, name, copy);
  return std::nullopt;
}

bool changes(const Value& value, const std::string& name) {
  static const char* const kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  static const char* const kList[] = {
      "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
  const auto is = [&name](const char* one) { return name == one; };
  if (value.is_dict()) return std::any_of(std::begin(kDict), std::end(kDict), is);
  return value.is_sequence(SequenceKind::List) &&
         std::any_of(std::begin(kList), std::end(kList), is);
}

}  // namespace

std::optional<Value> find_method(const Value& value, const std::string& name) {
  if (changes(value, name))
    return Value::undefined("access to attribute '" + name + "' of '" + type_name(value) +
                            "' object is unsafe.");
  if (value.is_text()) return find_text_method(value, name);
  if (value.is_dict()) return dict_method(value, name);
  for (const SequenceKind kind : {SequenceKind::List, SequenceKind::Tuple, SequenceKind::Range})
    if (value.is_sequence(kind)) return list_method(value, name);
  return std::nullopt;
}

}  // namespace kvhost::jinja
