// SPDX-License-Identifier: Apache-2.0
// Filters that call a filter or a test for every element.
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/filters.hpp"

namespace kvhost::jinja {

namespace {

// The arguments behind the first `n`, for what is called.
Arguments rest_of(const Arguments& arguments, size_t n) {
  Arguments out{{}, arguments.named};
  if (arguments.positional.size() > n)
    out.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(n),
                          arguments.positional.end());
  return out;
}

std::string name_of(const Value& value, const char* what) {
  if (!value.is_text())
    fail(std::string(what) + " is named by " + type_name(value) + "; expected str");
  return value.as_text();
}

Value map_attribute(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Value *attribute = nullptr, *otherwise = nullptr;
  for (const auto& [name, value] : arguments.named) {
    if (name == "attribute")
      attribute = &value;
    else if (name == "default")
      otherwise = &value;
    else
      fail("Unexpected keyword argument '" + name + "'");
  }
  if (attribute == nullptr) fail("map requires a filter argument");
  std::vector<Value> out;
  for (const Value& item : elements(subject)) {
    Value value = look_up_path(runtime, item, *attribute);
    const bool fallback = value.is_undefined() && otherwise != nullptr && !otherwise->is_none();
    out.push_back(fallback ? *otherwise : std::move(value));
  }
  return Value::sequence(SequenceKind::Generator, std::move(out));
}

// Jinja asks for something to iterate only where the subject is true: None gives nothing.
Value nothing() { return Value::sequence(SequenceKind::Generator, {}); }

Value map(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!truthy(subject)) return nothing();
  if (arguments.positional.empty()) return map_attribute(runtime, subject, arguments);
  const std::string name = name_of(arguments.positional[0], "a filter");
  const Arguments rest = rest_of(arguments, 1);
  std::vector<Value> out;
  for (const Value& item : elements(subject)) {
    runtime.step();
    out.push_back(apply_filter(runtime, name, item, rest));
  }
  return Value::sequence(SequenceKind::Generator, std::move(out));
}

// Keeps what passes the test, or what does not; without a test, what is true.
template <bool Keep, bool OfAttribute>
Value select(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!truthy(subject)) return nothing();
  const size_t test = OfAttribute ? 1 : 0;
  if (OfAttribute && arguments.positional.empty()) fail("Missing parameter for attribute name");
  const bool plain = arguments.positional.size() <= test;
  const std::string name = plain ? "" : name_of(arguments.positional[test], "a test");
  const Arguments rest = rest_of(arguments, test + 1);
  std::vector<Value> out;
  for (const Value& item : elements(subject)) {
    runtime.step();
    const Value value = OfAttribute ? look_up_path(runtime, item, arguments.positional[0]) : item;
    if ((plain ? truthy(value) : apply_test(runtime, name, value, rest)) == Keep)
      out.push_back(item);
  }
  return Value::sequence(SequenceKind::Generator, std::move(out));
}

}  // namespace

const std::map<std::string, FilterCode>& selection_filters() {
  static const std::map<std::string, FilterCode> all = {{"map", map},
                                                        {"reject", select<false, false>},
                                                        {"rejectattr", select<false, true>},
                                                        {"select", select<true, false>},
                                                        {"selectattr", select<true, true>}};
  return all;
}

}  // namespace kvhost::jinja
