// SPDX-License-Identifier: Apache-2.0
// Patterns in tokenizer files are written for Oniguruma; they run on PCRE2.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace kvhost::tok {

// A pattern that cannot be run with the same meaning; the message says why.
struct PatternError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Rewrites \s \d \w \h, \p{...}, \uXXXX and inline options so that PCRE2 (UTF, UCP, MULTILINE)
// matches exactly what Oniguruma does. Throws PatternError for constructs whose meaning differs and
// cannot be rewritten.
std::string to_pcre2(std::string_view pattern);

}  // namespace kvhost::tok
