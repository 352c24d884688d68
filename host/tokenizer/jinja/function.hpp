// SPDX-License-Identifier: Apache-2.0
// Methods and global functions as values.
#pragma once

#include <functional>
#include <string>

#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

using Code = Value(Runtime&, const Value& self, const Arguments&);

// `self` is what a method was taken from.
Value make_function(std::string name, Value self, std::function<Code> code);

}  // namespace kvhost::jinja
