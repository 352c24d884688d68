// SPDX-License-Identifier: Apache-2.0
// Template text to tokens, with the white space control that transformers asks for: trim_blocks and
// lstrip_blocks are on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost::jinja {

enum class TokenKind {
  Data,
  VariableBegin,
  VariableEnd,
  BlockBegin,
  BlockEnd,
  Name,
  Text,
  Integer,
  Float,
  Operator,
  End
};

struct Token {
  TokenKind kind;
  int line;
  std::string text;  // of Data, Name, Text and Operator
  int64_t integer = 0;
  double number = 0;
};

// Ends with an End token. Throws SyntaxFailure.
std::vector<Token> tokenize(std::string_view source);

struct SyntaxFailure {
  int line;
  std::string what;
};

// The value of a literal: its escapes as Python reads them. Throws SyntaxFailure.
std::string unescape(std::string_view literal, int line);

}  // namespace kvhost::jinja
