// SPDX-License-Identifier: Apache-2.0
// Python's operators. Integers are 64 bits wide: what does not fit is refused, not wrapped.
#pragma once

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

enum class Operator { Add, Subtract, Multiply, Divide, FloorDivide, Modulo, Power };

Value apply(Operator op, const Value& a, const Value& b);
Value negate(const Value& value);
Value plus(const Value& value);  // +True is 1

}  // namespace kvhost::jinja
