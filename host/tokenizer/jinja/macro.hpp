// SPDX-License-Identifier: Apache-2.0
// {% macro %} and the body of {% call %} as values.
#pragma once

#include "tokenizer/jinja/ast.hpp"

namespace kvhost::jinja {

// `code` must outlive the rendering; the current scope is what the macro sees.
Value make_macro(Runtime& runtime, const MacroCode& code);

}  // namespace kvhost::jinja
