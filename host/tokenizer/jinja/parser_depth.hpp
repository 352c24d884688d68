// SPDX-License-Identifier: Apache-2.0
// What the two halves of the parser share.
#pragma once

#include "tokenizer/jinja/parser.hpp"

namespace kvhost::jinja {

std::string describe(const Token& token);  // for messages

// Parsing is recursive: what nests too deeply is refused before the stack ends.
struct Parser::Nested {
  explicit Nested(Parser* p) : parser(p) {
    if (++parser->depth_ > 400) parser->fail_here("blocks or brackets nested too deeply");
  }
  ~Nested() { --parser->depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

  Parser* parser;
};

}  // namespace kvhost::jinja
