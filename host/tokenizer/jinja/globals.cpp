// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/globals.hpp"

#include <locale.h>

#include <ctime>
#include <map>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/function.hpp"
#include "tokenizer/jinja/namespace.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

namespace {

constexpr int64_t kMaxRange = 100'000;  // as Jinja's sandbox has it

Value range(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound("range", arguments, {"start", "stop", "step"}, /*required=*/1);
  for (size_t i = 0; i < 3; ++i)
    if (bound.find(i) != nullptr) require_defined(bound.at(i));
  const bool one = bound.find(1) == nullptr;
  const int64_t begin = one ? 0 : bound.integer(0, 0), end = bound.integer(one ? 0 : 1, 0);
  const int64_t step = bound.integer(2, 1);
  if (step == 0) fail("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange)
      fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
    items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  runtime.step(items.size());
  return Value::sequence(SequenceKind::Range, std::move(items));
}

Value dict(Runtime& runtime, const Value&, const Arguments& arguments) {
  if (arguments.positional.size() > 1) fail("dict expected at most 1 argument");
  Dict out;
  for (const Value& from : arguments.positional) {
    runtime.touch(from);
    if (from.is_dict()) {
      for (const auto& [key, value] : from.as_dict().entries()) out.set(key, value);
      continue;
    }
    for (const Value& pair : elements(from)) {
      const auto parts = elements(pair);
      if (parts.size() != 2) fail("dictionary update sequence elements must be pairs");
      out.set(parts[0], parts[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) out.set(name, value);
  return Value::dict(std::move(out));
}

Value new_namespace(Runtime& runtime, const Value&, const Arguments& arguments) {
  return make_namespace(runtime, arguments);
}

Value raise_exception(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound("raise_exception", arguments, {"message"}, /*required=*/1);
  throw Failure(text_of(runtime, bound.at(0)), /*raised=*/true);
}

// Python's %f is not C's; a clock of whole seconds has none.
std::string with_microseconds(std::string format) {
  for (size_t at = 0; (at = format.find('%', at)) != std::string::npos; at += 2)
    if (at + 1 < format.size() && format[at + 1] == 'f') format.replace(at, 2, "000000");
  return format;
}

Value strftime_now(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound("strftime_now", arguments, {"format"}, /*required=*/1);
  const std::string format = with_microseconds(bound.text(0, ""));
  if (format.size() > 1000) fail("strftime_now(): a format of more than 1000 characters");
  // The names of days and months are English whatever the terminal speaks.
  static const locale_t kPlain = newlocale(LC_ALL_MASK, "C", static_cast<locale_t>(nullptr));
  const std::tm now = runtime.now();
  char text[16384];
  const size_t n = strftime_l(text, sizeof text, format.c_str(), &now, kPlain);
  return Value::text(utf8::sanitize(std::string_view(text, n)));
}

Value unsupported(Runtime&, const Value&, const Arguments&) {
  fail("cycler(), joiner() and lipsum() are not supported in chat templates");
}

}  // namespace

std::optional<Value> find_global(const std::string& name) {
  static const std::map<std::string, Value> all = [] {
    std::map<std::string, Value> made;
    const auto add = [&made](const char* known, auto code) {
      made.emplace(known, make_function(known, Value(), code));
    };
    add("range", range);
    add("dict", dict);
    add("namespace", new_namespace);
    add("raise_exception", raise_exception);
    add("strftime_now", strftime_now);
    for (const char* other : {"cycler", "joiner", "lipsum"}) add(other, unsupported);
    return made;
  }();
  const auto found = all.find(name);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace kvhost::jinja
