// SPDX-License-Identifier: Apache-2.0
// Python's ==, < and in.
#pragma once

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

bool equal(const Value& a, const Value& b);
// `sign` is what the message calls the comparison. Throws Failure where Python has no order.
bool less(const Value& a, const Value& b, const char* sign = "<");
bool contains(const Value& container, const Value& item);

}  // namespace kvhost::jinja
