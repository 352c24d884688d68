// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/arithmetic.hpp"

#include <cmath>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/format.hpp"

namespace kvhost::jinja {

namespace {

const char* const kSigns[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void unsupported(Operator op, const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  if (op == Operator::Add && a.is_text())
    fail("can only concatenate str (not \"" + type_name(b) + "\") to str");
  if (op == Operator::Add && a.is_sequence(SequenceKind::List))
    fail("can only concatenate list (not \"" + type_name(b) + "\") to list");
  fail("unsupported operand type(s) for " + std::string(kSigns[static_cast<int>(op)]) + ": '" +
       type_name(a) + "' and '" + type_name(b) + "'");
}

[[noreturn]] void too_wide() { fail("an integer of more than 64 bits; that is the limit"); }

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1) {
    int64_t out;
    if (__builtin_sub_overflow(int64_t{0}, a, &out)) too_wide();
    return out;
  }
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

double floor_modulo(double a, double b) {
  if (b == 0) fail("float modulo by zero");
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : std::copysign(rest, rest == 0 ? b : rest);
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t out = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (; exponent > 0; --exponent)
    if (__builtin_mul_overflow(out, base, &out)) too_wide();
  return out;
}

Value integers(Operator op, int64_t a, int64_t b) {
  int64_t out = 0;
  bool wide = false;
  switch (op) {
    case Operator::Add:
      wide = __builtin_add_overflow(a, b, &out);
      break;
    case Operator::Subtract:
      wide = __builtin_sub_overflow(a, b, &out);
      break;
    case Operator::Multiply:
      wide = __builtin_mul_overflow(a, b, &out);
      break;
    case Operator::FloorDivide:
      out = floor_divide(a, b);
      break;
    case Operator::Modulo:
      out = b == -1 ? 0 : a - floor_divide(a, b) * b;
      break;
    case Operator::Divide:
      if (b == 0) fail("division by zero");
      return Value::number(static_cast<double>(a) / static_cast<double>(b));
    case Operator::Power:
      if (b >= 0) return Value::integer(power(a, b));
      if (a == 0) fail("0.0 cannot be raised to a negative power");
      return Value::number(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  if (wide) too_wide();
  return Value::integer(out);
}

Value floats(Operator op, double a, double b) {
  switch (op) {
    case Operator::Add:
      return Value::number(a + b);
    case Operator::Subtract:
      return Value::number(a - b);
    case Operator::Multiply:
      return Value::number(a * b);
    case Operator::Divide:
      if (b == 0) fail("float division by zero");
      return Value::number(a / b);
    case Operator::FloorDivide:
      if (b == 0) fail("float floor division by zero");
      return Value::number(std::floor((a - floor_modulo(a, b)) / b + 0.5));
    case Operator::Modulo:
      return Value::number(floor_modulo(a, b));
    case Operator::Power:
      break;
  }
  if (a == 0 && b < 0) fail("0.0 cannot be raised to a negative power");
  if (a < 0 && std::trunc(b) != b) fail("a power that is a complex number is not supported");
  const double out = std::pow(a, b);
  if (std::isinf(out) && std::isfinite(a) && std::isfinite(b))
    fail("Numerical result out of range");
  return Value::number(out);
}

Value add_texts(const Value& a, const Value& b) {
  if (a.is_markup() == b.is_markup()) return Value::text_like(a, a.as_text() + b.as_text());
  return Value::markup(a.is_markup() ? a.as_text() + escape_html(b.as_text())
                                     : escape_html(a.as_text()) + b.as_text());
}

Value add_sequences(const Value& a, const Value& b) {
  std::vector<Value> items = a.as_sequence()->items;
  items.insert(items.end(), b.as_sequence()->items.begin(), b.as_sequence()->items.end());
  return Value::sequence(a.as_sequence()->kind, std::move(items));
}

bool repeatable(const Value& value) {
  return value.is_text() || value.is_sequence(SequenceKind::List) ||
         value.is_sequence(SequenceKind::Tuple);
}

Value repeat(const Value& what, int64_t times) {
  const auto n = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  check_growth(what.is_text() ? what.as_text().size() : 64 * what.weight(), n);
  if (what.is_text()) {
    std::string out;
    out.reserve(what.as_text().size() * n);
    for (uint64_t i = 0; i < n; ++i) out += what.as_text();
    return Value::text_like(what, std::move(out));
  }
  const auto& items = what.as_sequence()->items;
  std::vector<Value> out;
  for (uint64_t i = 0; !items.empty() && i < n; ++i)
    out.insert(out.end(), items.begin(), items.end());
  return Value::sequence(what.as_sequence()->kind, std::move(out));
}

}  // namespace

Value apply(Operator op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number())
    return a.is_float() || b.is_float() ? floats(op, a.as_double(), b.as_double())
                                        : integers(op, a.as_integer(), b.as_integer());
  if (op == Operator::Add) {
    if (a.is_text() && b.is_text()) return add_texts(a, b);
    for (const SequenceKind kind : {SequenceKind::List, SequenceKind::Tuple})
      if (a.is_sequence(kind) && b.is_sequence(kind)) return add_sequences(a, b);
  }
  if (op == Operator::Multiply) {
    if (repeatable(a) && (b.is_integer() || b.is_bool())) return repeat(a, b.as_integer());
    if (repeatable(b) && (a.is_integer() || a.is_bool())) return repeat(b, a.as_integer());
  }
  if (op == Operator::Modulo && a.is_text()) return format_percent(a, b);
  unsupported(op, a, b);
}

Value negate(const Value& value) {
  if (!value.is_number()) {
    require_defined(value);
    fail("bad operand type for unary -: '" + type_name(value) + "'");
  }
  return value.is_float() ? Value::number(-value.as_double())
                          : integers(Operator::Subtract, 0, value.as_integer());
}

Value plus(const Value& value) {
  if (!value.is_number()) {
    require_defined(value);
    fail("bad operand type for unary +: '" + type_name(value) + "'");
  }
  return value.is_float() ? value : Value::integer(value.as_integer());
}

}  // namespace kvhost::jinja
