// SPDX-License-Identifier: Apache-2.0
// Filters over sequences and mappings.
#include <algorithm>

#include "tokenizer/jinja/arithmetic.hpp"
#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/compare.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/filters.hpp"

namespace kvhost::jinja {

namespace {

Value generator(std::vector<Value> items) {
  return Value::sequence(SequenceKind::Generator, std::move(items));
}

Value length(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("length", arguments, {});
  if (subject.is_text())
    return Value::integer(static_cast<int64_t>(count_characters(subject.as_text())));
  if (subject.is_dict())
    return Value::integer(static_cast<int64_t>(subject.as_dict().entries().size()));
  if (subject.is_undefined()) return Value::integer(0);
  if (!subject.is_sequence() || subject.is_sequence(SequenceKind::Generator))
    fail("object of type '" + type_name(subject) + "' has no len()");
  return Value::integer(static_cast<int64_t>(subject.as_sequence()->items.size()));
}

Value first(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("first", arguments, {});
  if (subject.is_sequence(SequenceKind::Generator)) {
    const Sequence& all = *subject.as_sequence();
    if (all.taken < all.items.size()) return all.items[all.taken++];
  } else if (const auto all = elements(subject); !all.empty()) {
    return all[0];
  }
  return Value::undefined("No first item, sequence was empty.");
}

Value last(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("last", arguments, {});
  if (subject.is_sequence(SequenceKind::Generator)) fail("'generator' object is not reversible");
  const auto all = elements(subject);
  if (all.empty()) return Value::undefined("No last item, sequence was empty.");
  return all[all.size() - 1];
}

Value list(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("list", arguments, {});
  return Value::list(elements(subject).copy());
}

Value items(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("items", arguments, {});
  std::vector<Value> out;
  if (!subject.is_undefined() && !subject.is_dict())
    fail("Can only get item pairs from a mapping.");
  if (subject.is_dict())
    for (const auto& [key, value] : subject.as_dict().entries())
      out.push_back(Value::tuple({key, value}));
  return generator(std::move(out));
}

Value reverse(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("reverse", arguments, {});
  std::vector<Value> out = elements(subject).copy();
  std::reverse(out.begin(), out.end());
  if (!subject.is_text()) return generator(std::move(out));
  std::string text;
  for (const Value& c : out) text += c.as_text();
  return Value::text_like(subject, std::move(text));
}

// By keys made once for each. `log n` comparisons of an element are counted as 20.
std::vector<Value> sorted(Runtime& runtime,
                          const std::vector<Value>& items,
                          const std::vector<Value>& keys,
                          bool descending) {
  for (const Value& key : keys) runtime.step(20 * key.weight());
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  // Not std::sort: a comparison that throws or is no order (NaN) must do no harm.
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return descending ? less(keys[b], keys[a]) : less(keys[a], keys[b]);
  });
  std::vector<Value> out;
  for (const size_t i : order) out.push_back(items[i]);
  return out;
}

// attribute="a,b" sorts by several.
Value key_of(Runtime& runtime, const Value& item, const Value* attribute, bool case_sensitive) {
  if (attribute == nullptr || !attribute->is_text() ||
      attribute->as_text().find(',') == std::string::npos)
    return sort_key(runtime, item, attribute, case_sensitive);
  std::vector<Value> parts;
  std::string_view rest = attribute->as_text();
  for (;;) {
    const size_t comma = rest.find(',');
    const Value one = Value::text(std::string(rest.substr(0, comma)));
    parts.push_back(sort_key(runtime, item, &one, case_sensitive));
    if (comma == std::string_view::npos) return Value::list(std::move(parts));
    rest.remove_prefix(comma + 1);
  }
}

Value sort(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const auto all = elements(subject);
  std::vector<Value> keys;
  for (const Value& item : all)
    keys.push_back(key_of(runtime, item, bound.find(2), bound.flag(1, false)));
  return Value::list(sorted(runtime, all.copy(), keys, bound.flag(0, false)));
}

Value dictsort(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = bound.text(1, "key");
  if (by != "key" && by != "value") fail("You can only sort by either \"key\" or \"value\"");
  require_defined(subject);
  if (!subject.is_dict()) fail("dictsort() of " + type_name(subject) + "; expected dict");
  std::vector<Value> pairs, keys;
  for (const auto& [key, value] : subject.as_dict().entries()) {
    pairs.push_back(Value::tuple({key, value}));
    keys.push_back(sort_key(runtime, by == "key" ? key : value, nullptr, bound.flag(0, false)));
  }
  return Value::list(sorted(runtime, pairs, keys, bound.flag(2, false)));
}

Value unique(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("unique", arguments, {"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> out;
  for (const Value& item : elements(subject)) {
    const Value key = sort_key(runtime, item, bound.find(1), bound.flag(0, false));
    if (seen.find(key) == nullptr) out.push_back(item);
    seen.set(key, Value());
  }
  return generator(std::move(out));
}

template <bool Largest>
Value extreme(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(Largest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const auto all = elements(subject);
  if (all.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  runtime.walk(subject);
  const Value* best = &all[0];
  Value best_key = sort_key(runtime, *best, bound.find(1), bound.flag(0, false));
  for (size_t i = 1; i < all.size(); ++i) {
    Value key = sort_key(runtime, all[i], bound.find(1), bound.flag(0, false));
    if (!(Largest ? less(best_key, key, ">") : less(key, best_key))) continue;
    best = &all[i];
    best_key = std::move(key);
  }
  return *best;
}

Value sum(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("sum", arguments, {"attribute", "start"});
  Value total = bound.find(1) == nullptr ? Value::integer(0) : bound.at(1);
  const bool plain = bound.find(0) == nullptr || bound.at(0).is_none();
  for (const Value& item : elements(subject)) {
    runtime.touch(total);
    total = apply(Operator::Add, total, plain ? item : look_up_path(runtime, item, bound.at(0)));
  }
  return total;
}

Value batch(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("batch", arguments, {"linecount", "fill_with"}, /*required=*/1);
  const int64_t size = bound.integer(0, 1);
  if (size < 1 || size > 100'000)
    fail("batch() of " + std::to_string(size) + "; expected 1 to 100000");
  std::vector<Value> out, line;
  const auto flush = [&] {
    out.push_back(Value::list(std::move(line)));
    line.clear();
  };
  for (const Value& item : elements(subject)) {
    if (static_cast<int64_t>(line.size()) == size) flush();
    line.push_back(item);
  }
  if (line.empty()) return generator(std::move(out));
  if (bound.find(1) != nullptr && !bound.at(1).is_none())
    line.resize(static_cast<size_t>(size), bound.at(1));
  flush();
  return generator(std::move(out));
}

}  // namespace

const std::map<std::string, FilterCode>& sequence_filters() {
  static const std::map<std::string, FilterCode> all = {{"batch", batch},
                                                        {"count", length},
                                                        {"dictsort", dictsort},
                                                        {"first", first},
                                                        {"items", items},
                                                        {"last", last},
                                                        {"length", length},
                                                        {"list", list},
                                                        {"max", extreme<true>},
                                                        {"min", extreme<false>},
                                                        {"reverse", reverse},
                                                        {"sort", sort},
                                                        {"sum", sum},
                                                        {"unique", unique}};
  return all;
}

}  // namespace kvhost::jinja
