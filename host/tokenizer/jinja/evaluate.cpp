// SPDX-License-Identifier: Apache-2.0
// Expressions to values.
#include "tokenizer/jinja/ast.hpp"
#include "tokenizer/jinja/compare.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/filters.hpp"
#include "tokenizer/jinja/globals.hpp"
#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

namespace {

bool holds(Runtime& runtime, Comparison how, const Value& a, const Value& b) {
  runtime.walk(a);
  runtime.walk(b);
  switch (how) {
    case Comparison::Equal:
      return equal(a, b);
    case Comparison::NotEqual:
      return !equal(a, b);
    case Comparison::Less:
      return less(a, b, "<");
    case Comparison::LessEqual:
      return equal(a, b) || less(a, b, "<=");
    case Comparison::Greater:
      return less(b, a, ">");
    case Comparison::GreaterEqual:
      return equal(a, b) || less(b, a, ">=");
    case Comparison::In:
      return contains(b, a);
    case Comparison::NotIn:
      return !contains(b, a);
  }
  return false;
}

std::vector<Value> values_of(Runtime& runtime, const std::vector<ExpressionPtr>& nodes) {
  std::vector<Value> out;
  for (const auto& node : nodes) out.push_back(node->value(runtime));
  return out;
}

void add_named(Runtime& runtime, const Value& more, Arguments* out) {
  require_defined(more);
  if (!more.is_dict()) fail("argument after ** must be a mapping, not " + type_name(more));
  runtime.touch(more);
  for (const auto& [key, value] : more.as_dict().entries()) {
    if (!key.is_text()) fail("keywords must be strings");
    out->named.emplace_back(key.as_text(), value);
  }
}

}  // namespace

Value Expression::value(Runtime& runtime) const {
  const Runtime::Level level(runtime, line);
  return evaluate(runtime);
}

Arguments CallArguments::values(Runtime& runtime) const {
  Arguments out;
  out.positional = values_of(runtime, positional);
  if (more_positional != nullptr) {
    const auto more = elements(more_positional->value(runtime));
    runtime.step(more.size());
    out.positional.insert(out.positional.end(), more.begin(), more.end());
  }
  for (const auto& [name, node] : named) out.named.emplace_back(name, node->value(runtime));
  if (more_named != nullptr) add_named(runtime, more_named->value(runtime), &out);
  return out;
}

Value Name::evaluate(Runtime& runtime) const {
  if (const Value* found = runtime.scope().find(name)) return *found;
  if (const auto known = find_global(name)) return *known;
  return Value::undefined("'" + name + "' is undefined");
}

Value SequenceLiteral::evaluate(Runtime& runtime) const {
  return Value::sequence(kind, values_of(runtime, items));
}

Value DictLiteral::evaluate(Runtime& runtime) const {
  Dict out;
  for (const auto& [key, item] : entries) {
    Value k = key->value(runtime);
    out.set(std::move(k), item->value(runtime));
  }
  return Value::dict(std::move(out));
}

Value Attribute::evaluate(Runtime& runtime) const {
  return get_attribute(runtime, of->value(runtime), name);
}

Value Item::evaluate(Runtime& runtime) const {
  const Value from = of->value(runtime);
  return get_item(runtime, from, key->value(runtime));
}

Value Slice::evaluate(Runtime& runtime) const {
  const Value from = of->value(runtime);
  const Value b = begin == nullptr ? Value() : begin->value(runtime);
  const Value e = end == nullptr ? Value() : end->value(runtime);
  const Value s = step == nullptr ? Value() : step->value(runtime);
  runtime.touch(from);
  return get_slice(from, &b, &e, &s);
}

Value Call::evaluate(Runtime& runtime) const { return call(runtime, nullptr); }

Value Call::call(Runtime& runtime, const Value* caller) const {
  const Value called = function->value(runtime);
  Arguments all = arguments.values(runtime);
  if (caller != nullptr) all.named.emplace_back("caller", *caller);
  return jinja::call(runtime, called, all);
}

Value Filter::evaluate(Runtime& runtime) const {
  return apply_to(runtime, subject->value(runtime));
}

Value Filter::apply_to(Runtime& runtime, const Value& value) const {
  return apply_filter(runtime, name, value, arguments.values(runtime));
}

Value Test::evaluate(Runtime& runtime) const {
  const Value value = subject->value(runtime);
  return Value::boolean(apply_test(runtime, name, value, arguments.values(runtime)));
}

Value Unary::evaluate(Runtime& runtime) const {
  const Value value = operand->value(runtime);
  if (sign == '!') return Value::boolean(!truthy(value));
  return sign == '-' ? negate(value) : plus(value);
}

Value Binary::evaluate(Runtime& runtime) const {
  const Value a = left->value(runtime);
  const Value b = right->value(runtime);
  if (op == Operator::Modulo) runtime.walk(b);  // formatting writes all of it
  runtime.touch(a);
  runtime.touch(b);
  Value out = apply(op, a, b);
  runtime.touch(out);
  return out;
}

Value Concat::evaluate(Runtime& runtime) const {
  std::string all;
  for (const auto& part : parts) {
    all += text_of(runtime, part->value(runtime));
    check_growth(all.size(), 1);
  }
  return Value::text(std::move(all));
}

Value Compare::evaluate(Runtime& runtime) const {
  Value left = first->value(runtime);
  for (const auto& [how, node] : rest) {
    Value right = node->value(runtime);
    if (!holds(runtime, how, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Logical::evaluate(Runtime& runtime) const {
  Value value = left->value(runtime);
  return truthy(value) == is_and ? right->value(runtime) : value;
}

Value Conditional::evaluate(Runtime& runtime) const {
  if (truthy(condition->value(runtime))) return then->value(runtime);
  if (otherwise != nullptr) return otherwise->value(runtime);
  return Value::undefined("the inline if-expression on line " + std::to_string(line) +
                          " evaluated to false and no else section was defined.");
}

}  // namespace kvhost::jinja
