// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/filters.hpp"

#include <algorithm>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"

namespace kvhost::jinja {

namespace {

const char* const kOtherFilters[] = {"filesizeformat",
                                     "forceescape",
                                     "groupby",
                                     "pprint",
                                     "random",
                                     "slice",
                                     "striptags",
                                     "truncate",
                                     "urlencode",
                                     "urlize",
                                     "wordwrap",
                                     "xmlattr"};

}  // namespace

FilterCode find_filter(const std::string& name) {
  for (const auto* table :
       {&text_filters(), &sequence_filters(), &selection_filters(), &value_filters()})
    if (const auto found = table->find(name); found != table->end()) return found->second;
  return nullptr;
}

std::string unknown_filter(const std::string& name) {
  for (const char* other : kOtherFilters)
    if (name == other) return "the filter '" + name + "' is not supported in chat templates";
  return "No filter named '" + name + "'.";
}

std::string unknown_test(const std::string& name) { return "No test named '" + name + "'."; }

Value apply_filter(Runtime& runtime,
                   const std::string& name,
                   const Value& subject,
                   const Arguments& arguments) {
  const FilterCode code = find_filter(name);
  if (code == nullptr) fail(unknown_filter(name));
  runtime.touch(subject);
  for (const Value& one : arguments.positional) runtime.touch(one);
  Value out = code(runtime, subject, arguments);
  runtime.touch(out);
  return out;
}

bool apply_test(Runtime& runtime,
                const std::string& name,
                const Value& subject,
                const Arguments& arguments) {
  const TestCode code = find_test(name);
  if (code == nullptr) fail(unknown_test(name));
  return code(runtime, subject, arguments);
}

Value look_up_path(Runtime& runtime, const Value& value, const Value& path) {
  if (path.is_integer()) return get_item(runtime, value, path);
  if (!path.is_text()) fail("an attribute is " + type_name(path) + "; expected str or int");
  Value at = value;
  std::string_view rest = path.as_text();
  for (;;) {
    const size_t dot = rest.find('.');
    const std::string part(rest.substr(0, dot));
    const bool digits = !part.empty() && part.size() < 10 &&
                        part.find_first_not_of("0123456789") == std::string::npos;
    at = get_item(runtime, at, digits ? Value::integer(std::stol(part)) : Value::text(part));
    if (dot == std::string_view::npos) return at;
    rest.remove_prefix(dot + 1);
  }
}

Value sort_key(Runtime& runtime, const Value& value, const Value* attribute, bool case_sensitive) {
  const bool plain = attribute == nullptr || attribute->is_none();
  Value key = plain ? value : look_up_path(runtime, value, *attribute);
  if (!key.is_text() || case_sensitive) return key;
  runtime.touch(key);
  return Value::text(lower(key.as_text()));
}

}  // namespace kvhost::jinja
