// SPDX-License-Identifier: Apache-2.0
// Tokens to nodes, by Jinja's grammar: its precedences (~ binds tighter than +), its quirks
// (filters and tests may be called and tested again), its errors.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "tokenizer/jinja/ast.hpp"
#include "tokenizer/jinja/lexer.hpp"

namespace kvhost::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Body parse();  // throws SyntaxFailure

 private:
  // Tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take();
  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_operator(const char* op) const;
  bool is_name(const char* name) const;
  bool skip_operator(const char* op);
  bool skip_name(const char* name);
  void expect_operator(const char* op);
  void expect_name(const char* name);
  std::string expect_name();
  void expect(TokenKind kind, const char* what);
  [[noreturn]] void fail_here(const std::string& what) const;

  // Expressions
  ExpressionPtr expression(bool conditional = true);
  ExpressionPtr conditional();
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr name_or_constant();
  ExpressionPtr binary(int line, Operator op, ExpressionPtr left, ExpressionPtr right);
  ExpressionPtr logical(int line, bool is_and, ExpressionPtr left, ExpressionPtr right);
  ExpressionPtr tuple(bool conditional, bool parentheses, const char* end_name = nullptr);
  bool tuple_ends(const char* end_name) const;
  ExpressionPtr list_literal();
  ExpressionPtr dict_literal();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr filters_and_tests(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr attribute(ExpressionPtr node, int line);
  ExpressionPtr call(ExpressionPtr node);
  std::string dotted_name();
  ExpressionPtr filter(ExpressionPtr node);
  ExpressionPtr test(ExpressionPtr node);
  CallArguments arguments();
  void argument(CallArguments* all, int line);
  int height(std::initializer_list<const Expression*> below) const;
  int height(const CallArguments& below, int at_least) const;
  int checked(int height) const;

  // Statements
  Body body(std::initializer_list<const char*> ends);
  Body body_until(const char* end);  // of a block with a scope of its own
  void statement(Body* out);
  std::unique_ptr<Statement> block_statement(const std::string& tag, int line);
  void print(Body* out, int line);
  std::unique_ptr<Statement> parse_if(int line);
  std::unique_ptr<Statement> parse_for(int line);
  std::unique_ptr<Statement> parse_set(int line);
  std::unique_ptr<Statement> parse_macro(int line);
  std::unique_ptr<Statement> parse_call_block(int line);
  std::unique_ptr<Statement> parse_filter_block(int line);
  std::unique_ptr<Statement> parse_with(int line);
  std::unique_ptr<Statement> parse_generation(int line);
  std::unique_ptr<Statement> parse_leave(int line, Flow flow);
  void signature(MacroCode* code);
  void macro_body(MacroCode* code, const char* end);
  std::vector<std::unique_ptr<const Filter>> filter_chain();
  Target target(bool with_namespace);
  Target single_target(bool with_namespace);

  struct Nested;  // bounds the depth of what is being parsed

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;  // around the current statement, inside its macro
  // An unknown filter or test is an error at once, unless it stands right in a branch that may
  // never be taken, as in Jinja.
  bool branch_ = false;
  std::vector<SyntaxFailure> unknown_;
  std::set<std::string> names_;  // read since the innermost macro began
};

}  // namespace kvhost::jinja
