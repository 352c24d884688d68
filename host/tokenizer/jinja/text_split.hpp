// SPDX-License-Identifier: Apache-2.0
// The methods of str that cut.
#pragma once

#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

Value split(Runtime& runtime, const Value& self, const Arguments& arguments);
Value split_last(Runtime& runtime, const Value& self, const Arguments& arguments);  // rsplit
Value partition(Runtime& runtime, const Value& self, const Arguments& arguments);
Value partition_last(Runtime& runtime, const Value& self, const Arguments& arguments);
Value split_into_lines(Runtime& runtime, const Value& self, const Arguments& arguments);

}  // namespace kvhost::jinja
