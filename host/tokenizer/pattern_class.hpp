// SPDX-License-Identifier: Apache-2.0
// A bracketed character class of Oniguruma (classes inside classes, "&&", POSIX names) as a pattern
// of PCRE2 that matches the same one character.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace kvhost::tok {

// A pattern that cannot be run with the same meaning; the message says why.
struct PatternError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void refuse_pattern(const std::string& why, size_t pos);

// An escape that stands for a set of characters: \s, \D, \p{L}.
struct EscapedClass {
  std::string inside;  // of a PCRE2 class
  bool negated = false;
  std::string text() const { return (negated ? "[^" : "[") + inside + "]"; }
};
// Reads one at `pos` and moves behind it; false leaves `pos` alone.
bool read_escaped_class(std::string_view pattern,
                        size_t* pos,
                        bool inside_class,
                        EscapedClass* found);

// A character's escape (\n, \u00e9, \x{41}, \-), as PCRE2 has it; moves `pos` behind it.
std::string read_escape(std::string_view pattern, size_t* pos);

// The class that begins at `pos` with '['; moves `pos` behind its ']'. `caseless`: (?i) is on.
std::string read_class(std::string_view pattern, size_t* pos, bool caseless, int depth = 0);

}  // namespace kvhost::tok
