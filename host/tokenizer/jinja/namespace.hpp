// SPDX-License-Identifier: Apache-2.0
// namespace(): the one value that templates can change.
#pragma once

#include <string>

#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

Value make_namespace(Runtime& runtime, const Arguments& arguments);
// {% set name.attribute = value %}
void set_in_namespace(Runtime& runtime,
                      const std::string& name,
                      const std::string& attribute,
                      const Value& value);

}  // namespace kvhost::jinja
