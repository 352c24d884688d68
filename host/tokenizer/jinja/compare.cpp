// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/compare.hpp"

#include <algorithm>

#include "tokenizer/jinja/failure.hpp"

namespace kvhost::jinja {

namespace {

bool equal_numbers(const Value& a, const Value& b) {
  if (a.is_float() || b.is_float()) return a.as_double() == b.as_double();
  return a.as_integer() == b.as_integer();
}

bool equal_sequences(const Sequence& a, const Sequence& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.kind == SequenceKind::Generator) return false;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (&a == &b) return true;
  if (a.entries().size() != b.entries().size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&b](const Dict::Entry& entry) {
    const Value* other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

bool less_sequences(const Sequence& a, const Sequence& b, const char* sign) {
  const size_t n = std::min(a.items.size(), b.items.size());
  for (size_t i = 0; i < n; ++i)
    if (!equal(a.items[i], b.items[i])) return less(a.items[i], b.items[i], sign);
  return a.items.size() < b.items.size();
}

}  // namespace

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return equal_numbers(a, b);
  if (a.is_text() && b.is_text()) return a.as_text() == b.as_text();
  if (a.is_sequence() && b.is_sequence())
    return equal_sequences(*a.as_sequence(), *b.as_sequence());
  if (a.is_dict() && b.is_dict()) return equal_dicts(a.as_dict(), b.as_dict());
  if (a.is_object() && b.is_object()) return &a.as_object() == &b.as_object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

bool less(const Value& a, const Value& b, const char* sign) {
  if (a.is_number() && b.is_number())
    return a.is_float() || b.is_float() ? a.as_double() < b.as_double()
                                        : a.as_integer() < b.as_integer();
  if (a.is_text() && b.is_text()) return a.as_text() < b.as_text();  // UTF-8 keeps their order
  for (const SequenceKind kind : {SequenceKind::List, SequenceKind::Tuple})
    if (a.is_sequence(kind) && b.is_sequence(kind))
      return less_sequences(*a.as_sequence(), *b.as_sequence(), sign);
  require_defined(a);
  require_defined(b);
  fail("'" + std::string(sign) + "' not supported between instances of '" + type_name(a) +
       "' and '" + type_name(b) + "'");
}

bool contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text())
      fail("'in <string>' requires string as left operand, not " + type_name(item));
    return container.as_text().find(item.as_text()) != std::string::npos;
  }
  if (container.is_dict()) return container.as_dict().find(item) != nullptr;
  if (!container.is_sequence() && !container.is_undefined())
    fail("argument of type '" + type_name(container) + "' is not iterable");
  const auto all = elements(container);
  return std::any_of(
      all.begin(), all.end(), [&item](const Value& one) { return equal(one, item); });
}

}  // namespace kvhost::jinja
