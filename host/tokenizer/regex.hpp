// SPDX-License-Identifier: Apache-2.0
// What a pattern finds in a text: the whole text as consecutive spans, matched or not.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost::tok {

struct Span {
  size_t begin, end;  // bytes
  bool match;
};

// A pattern of a tokenizer file: a literal or a regular expression in Oniguruma's syntax. Safe to
// share by threads.
class Pattern {
 public:
  static Pattern literal(std::string text);
  static Pattern regex(const std::string& onig);  // throws PatternError

  // `text` is valid UTF-8. The spans cover it; empty matches give empty spans.
  void find(std::string_view text, std::vector<Span>* spans) const;

  // `text` with every match replaced by `content`, taken literally.
  std::string replace(std::string_view text, std::string_view content) const;

 private:
  struct Code;
  void find_literal(std::string_view text, std::vector<Span>* spans) const;
  void find_regex(std::string_view text, std::vector<Span>* spans) const;

  std::string literal_;
  std::shared_ptr<const Code> code_;  // null for a literal
};

}  // namespace kvhost::tok
