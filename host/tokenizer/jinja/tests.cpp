// SPDX-License-Identifier: Apache-2.0
// What may stand behind `is`.
#include "tokenizer/jinja/arithmetic.hpp"
#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/compare.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/filters.hpp"
#include "tokenizer/jinja/python_text.hpp"

namespace kvhost::jinja {

namespace {

template <bool (*Holds)(const Value&)>
bool plain(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("test", arguments, {});
  return Holds(subject);
}

bool is_true(const Value& value) { return value.is_bool() && value.as_bool(); }
bool is_false(const Value& value) { return value.is_bool() && !value.as_bool(); }
bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is_bool(); }
bool is_integer(const Value& value) { return value.is_integer(); }
bool is_float(const Value& value) { return value.is_float(); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.is_dict(); }
bool is_callable(const Value& value) { return value.is_object() && value.as_object().callable(); }
bool is_escaped(const Value& value) { return value.is_markup(); }

// An undefined value has the methods of an empty sequence, so Jinja says yes.
bool is_iterable(const Value& value) {
  return value.is_text() || value.is_sequence() || value.is_dict() || value.is_undefined();
}

bool is_sequence(const Value& value) {
  if (value.is_text() || value.is_dict() || value.is_undefined()) return true;
  return value.is_sequence(SequenceKind::List) || value.is_sequence(SequenceKind::Tuple) ||
         value.is_sequence(SequenceKind::Range);
}

bool is_lower(const Value& value) {
  const std::string text = to_text(value);
  return lower(text) == text && upper(text) != text;
}

bool is_upper(const Value& value) {
  const std::string text = to_text(value);
  return upper(text) == text && lower(text) != text;
}

int64_t remainder(const Value& value, const Value& by) {
  const Value rest = apply(Operator::Modulo, value, by);
  return rest.is_number() && rest.as_double() == 0 ? 0 : 1;
}

bool is_even(const Value& value) { return remainder(value, Value::integer(2)) == 0; }
bool is_odd(const Value& value) { return remainder(value, Value::integer(2)) == 1; }

bool divisible_by(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("divisibleby", arguments, {"num"}, /*required=*/1);
  return remainder(subject, bound.at(0)) == 0;
}

bool same(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("sameas", arguments, {"other"}, /*required=*/1);
  return subject.same_as(bound.at(0));
}

bool in(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("in", arguments, {"seq"}, /*required=*/1);
  runtime.walk(bound.at(0));
  return contains(bound.at(0), subject);
}

template <bool (*Holds)(const Value&, const Value&)>
bool compared(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("test", arguments, {"other"}, /*required=*/1);
  runtime.walk(subject);
  runtime.walk(bound.at(0));
  return Holds(subject, bound.at(0));
}

bool unequal(const Value& a, const Value& b) { return !equal(a, b); }
bool lower_than(const Value& a, const Value& b) { return less(a, b, "<"); }
bool at_most(const Value& a, const Value& b) { return equal(a, b) || less(a, b, "<="); }
bool greater_than(const Value& a, const Value& b) { return less(b, a, ">"); }
bool at_least(const Value& a, const Value& b) { return equal(a, b) || less(b, a, ">="); }

bool names_filter(Runtime&, const Value& subject, const Arguments&) {
  return subject.is_text() && find_filter(subject.as_text()) != nullptr;
}

bool names_test(Runtime&, const Value& subject, const Arguments&) {
  return subject.is_text() && find_test(subject.as_text()) != nullptr;
}

const std::map<std::string, TestCode>& tests() {
  static const std::map<std::string, TestCode> all = {{"!=", compared<unequal>},
                                                      {"<", compared<lower_than>},
                                                      {"<=", compared<at_most>},
                                                      {"==", compared<equal>},
                                                      {">", compared<greater_than>},
                                                      {">=", compared<at_least>},
                                                      {"boolean", plain<is_boolean>},
                                                      {"callable", plain<is_callable>},
                                                      {"defined", plain<is_defined>},
                                                      {"divisibleby", divisible_by},
                                                      {"eq", compared<equal>},
                                                      {"equalto", compared<equal>},
                                                      {"escaped", plain<is_escaped>},
                                                      {"even", plain<is_even>},
                                                      {"false", plain<is_false>},
                                                      {"filter", names_filter},
                                                      {"float", plain<is_float>},
                                                      {"ge", compared<at_least>},
                                                      {"greaterthan", compared<greater_than>},
                                                      {"gt", compared<greater_than>},
                                                      {"in", in},
                                                      {"integer", plain<is_integer>},
                                                      {"iterable", plain<is_iterable>},
                                                      {"le", compared<at_most>},
                                                      {"lessthan", compared<lower_than>},
                                                      {"lower", plain<is_lower>},
                                                      {"lt", compared<lower_than>},
                                                      {"mapping", plain<is_mapping>},
                                                      {"ne", compared<unequal>},
                                                      {"none", plain<is_none>},
                                                      {"number", plain<is_number>},
                                                      {"odd", plain<is_odd>},
                                                      {"sameas", same},
                                                      {"sequence", plain<is_sequence>},
                                                      {"string", plain<is_string>},
                                                      {"test", names_test},
                                                      {"true", plain<is_true>},
                                                      {"undefined", plain<is_undefined>},
                                                      {"upper", plain<is_upper>}};
  return all;
}

}  // namespace

TestCode find_test(const std::string& name) {
  const auto found = tests().find(name);
  return found == tests().end() ? nullptr : found->second;
}

}  // namespace kvhost::jinja
