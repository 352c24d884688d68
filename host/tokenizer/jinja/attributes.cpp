// SPDX-License-Identifier: Apache-2.0
// {{ a.b }}, {{ a['b'] }}, {{ a[1:3] }}: Jinja's rules, by which the dot looks for a method first
// and the brackets for an item.
#include <algorithm>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/methods.hpp"
#include "tokenizer/jinja/python_text.hpp"
#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

namespace {

std::string owner_name(const Value& value) {
  if (value.is_none()) return "None";
  return value.is_object() ? type_name(value) : type_name(value) + " object";
}

Value missing(const Value& value, const Value& key) {
  if (!key.is_text()) return Value::undefined(owner_name(value) + " has no element " + repr(key));
  return Value::undefined(repr_text(owner_name(value)) + " has no attribute " + repr(key));
}

bool indexable(const Value& value) {
  return value.is_text() || value.is_sequence(SequenceKind::List) ||
         value.is_sequence(SequenceKind::Tuple) || value.is_sequence(SequenceKind::Range);
}

std::optional<Value> element(Runtime& runtime, const Value& value, int64_t index) {
  runtime.touch(value.is_text() ? value : Value());
  const auto all = elements(value);
  const auto n = static_cast<int64_t>(all.size());
  if (index < 0) index += n;
  if (index < 0 || index >= n) return std::nullopt;
  return all[static_cast<size_t>(index)];
}

std::optional<Value> item_of(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is_dict()) {
    const bool hashable = !key.is_dict() && !key.is_object() && !key.is_undefined() &&
                          (!key.is_sequence() || key.is_sequence(SequenceKind::Tuple));
    const Value* found = hashable ? value.as_dict().find(key) : nullptr;
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (value.is_object() && key.is_text()) return value.as_object().item(key.as_text());
  if (indexable(value) && (key.is_integer() || key.is_bool()))
    return element(runtime, value, key.as_integer());
  return std::nullopt;
}

std::optional<Value> attribute_of(const Value& value, const std::string& name) {
  if (value.is_object()) return value.as_object().attribute(name);
  return find_method(value, name);
}

// Where Python's slice begins or ends; `otherwise` when it was left out.
int64_t bound(const Value& value, int64_t n, bool backwards, int64_t otherwise) {
  if (value.is_none()) return otherwise;
  if (!value.is_integer() && !value.is_bool())
    fail("slice indices must be integers or None or have an __index__ method");
  int64_t at = value.as_integer();
  if (at < 0) at = at < -n ? -1 : at + n;
  return backwards ? std::clamp<int64_t>(at, -1, n - 1) : std::clamp<int64_t>(at, 0, n);
}

}  // namespace

Value get_attribute(Runtime& runtime, const Value& value, const std::string& name) {
  require_defined(value);
  if (name[0] == '_')
    return Value::undefined("access to attribute '" + name + "' of '" + type_name(value) +
                            "' object is unsafe.");
  if (auto found = attribute_of(value, name)) return *found;
  const Value key = Value::text(name);
  if (auto found = item_of(runtime, value, key)) return *found;
  return missing(value, key);
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  require_defined(value);
  if (auto found = item_of(runtime, value, key)) return *found;
  if (key.is_text() && !key.as_text().empty() && key.as_text()[0] != '_')
    if (auto found = attribute_of(value, key.as_text())) return *found;
  return missing(value, key);
}

Value get_slice(const Value& value, const Value* begin, const Value* end, const Value* step) {
  require_defined(value);
  if (!indexable(value)) return Value::undefined(owner_name(value) + " cannot be sliced");
  if (!step->is_none() && !step->is_integer() && !step->is_bool())
    fail("slice indices must be integers or None or have an __index__ method");
  const int64_t by = step->is_none() ? 1 : step->as_integer();
  if (by == 0) fail("slice step cannot be zero");
  const auto all = elements(value);
  const auto n = static_cast<int64_t>(all.size());
  const bool back = by < 0;
  const int64_t from = bound(*begin, n, back, back ? n - 1 : 0);
  const int64_t to = bound(*end, n, back, back ? -1 : n);
  std::vector<Value> out;
  for (int64_t i = from; back ? i > to : i < to;) {
    out.push_back(all[static_cast<size_t>(i)]);
    if (by > n || by < -n) break;  // one step leaves it
    i += by;
  }
  if (!value.is_text()) return Value::sequence(value.as_sequence()->kind, std::move(out));
  std::string text;
  for (const Value& c : out) text += c.as_text();
  return Value::text_like(value, std::move(text));
}

}  // namespace kvhost::jinja
