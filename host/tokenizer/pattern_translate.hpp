// SPDX-License-Identifier: Apache-2.0
// Patterns in tokenizer files are written for Oniguruma; they run on PCRE2.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/pattern_class.hpp"

namespace kvhost::tok {

// Rewrites character classes, escapes, repetitions and inline options so that PCRE2 (UTF, UCP,
// MULTILINE) matches exactly what Oniguruma does. Throws PatternError for constructs whose meaning
// differs and cannot be rewritten.
std::string to_pcre2(std::string_view pattern);

}  // namespace kvhost::tok
