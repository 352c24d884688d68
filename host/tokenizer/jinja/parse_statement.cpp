// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizer/jinja/parser.hpp"
#include "tokenizer/jinja/parser_depth.hpp"

namespace kvhost::jinja {

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::Data:
      return "template data";
    case TokenKind::VariableBegin:
      return "'{{'";
    case TokenKind::VariableEnd:
      return "'}}'";
    case TokenKind::BlockBegin:
      return "'{%'";
    case TokenKind::BlockEnd:
      return "'%}'";
    case TokenKind::End:
      return "the end of the template";
    default:
      return "'" + token.text + "'";
  }
}

const Token& Parser::take() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }

bool Parser::is_operator(const char* op) const {
  return is(TokenKind::Operator) && current().text == op;
}

bool Parser::is_name(const char* name) const {
  return is(TokenKind::Name) && current().text == name;
}

bool Parser::skip_operator(const char* op) {
  if (!is_operator(op)) return false;
  take();
  return true;
}

bool Parser::skip_name(const char* name) {
  if (!is_name(name)) return false;
  take();
  return true;
}

void Parser::expect_operator(const char* op) {
  if (!skip_operator(op))
    fail_here("expected '" + std::string(op) + "', got " + describe(current()));
}

void Parser::expect_name(const char* name) {
  if (!skip_name(name))
    fail_here("expected '" + std::string(name) + "', got " + describe(current()));
}

std::string Parser::expect_name() {
  if (!is(TokenKind::Name)) fail_here("expected a name, got " + describe(current()));
  return take().text;
}

void Parser::expect(TokenKind kind, const char* what) {
  if (!is(kind)) fail_here("expected '" + std::string(what) + "', got " + describe(current()));
  take();
}

void Parser::fail_here(const std::string& what) const { throw SyntaxFailure{current().line, what}; }

Body Parser::parse() {
  Body all = body({});
  if (!unknown_.empty()) throw unknown_.front();
  return all;
}

// Up to one of the tags `ends`, whose name is then the current token; to the end of the template
// where there are none.
Body Parser::body(std::initializer_list<const char*> ends) {
  const Nested nested(this);
  Body out;
  for (;;) {
    const int line = current().line;
    if (is(TokenKind::End)) {
      if (ends.size() == 0) return out;
      fail_here("the template ends where '" + std::string(*(ends.end() - 1)) + "' was expected");
    }
    if (is(TokenKind::Data)) {
      out.push_back(std::make_unique<Data>(line, take().text));
    } else if (is(TokenKind::VariableBegin)) {
      take();
      print(&out, line);
      expect(TokenKind::VariableEnd, "}}");
    } else {
      take();
      if (std::any_of(ends.begin(), ends.end(), [this](const char* e) { return is_name(e); }))
        return out;
      statement(&out);
      expect(TokenKind::BlockEnd, "%}");
    }
  }
}

Body Parser::body_until(const char* end) {
  const bool branch = std::exchange(branch_, false);
  skip_operator(":");
  expect(TokenKind::BlockEnd, "%}");
  Body out = body({end});
  take();
  branch_ = branch;
  return out;
}

void Parser::print(Body* out, int line) {
  auto print = std::make_unique<Print>(line);
  print->expression = tuple(/*conditional=*/true, /*parentheses=*/false);
  out->push_back(std::move(print));
}

void Parser::statement(Body* out) {
  if (!is(TokenKind::Name)) fail_here("tag name expected");
  const int line = current().line;
  const std::string tag = take().text;
  if (tag != "print") {
    out->push_back(block_statement(tag, line));
    return;
  }
  for (bool first = true; !is(TokenKind::BlockEnd); first = false) {
    if (!first) expect_operator(",");
    auto print = std::make_unique<Print>(line);
    print->expression = expression();
    out->push_back(std::move(print));
  }
}

std::unique_ptr<Statement> Parser::block_statement(const std::string& tag, int line) {
  if (tag == "if") return parse_if(line);
  if (tag == "for") return parse_for(line);
  if (tag == "set") return parse_set(line);
  if (tag == "macro") return parse_macro(line);
  if (tag == "call") return parse_call_block(line);
  if (tag == "filter") return parse_filter_block(line);
  if (tag == "with") return parse_with(line);
  if (tag == "generation") return parse_generation(line);
  if (tag == "break") return parse_leave(line, Flow::Break);
  if (tag == "continue") return parse_leave(line, Flow::Continue);
  for (const char* other : {"autoescape", "block", "extends", "from", "import", "include"})
    if (tag == other)
      throw SyntaxFailure{line, "the tag '" + tag + "' is not supported in chat templates"};
  throw SyntaxFailure{line, "Encountered unknown tag '" + tag + "'."};
}

std::unique_ptr<Statement> Parser::parse_if(int line) {
  auto node = std::make_unique<If>(line);
  const bool branch = std::exchange(branch_, true);
  for (;;) {
    ExpressionPtr condition = tuple(/*conditional=*/false, /*parentheses=*/false);
    skip_operator(":");
    expect(TokenKind::BlockEnd, "%}");
    node->branches.emplace_back(std::move(condition), body({"elif", "else", "endif"}));
    if (!skip_name("elif")) break;
  }
  if (skip_name("else")) {
    skip_operator(":");
    expect(TokenKind::BlockEnd, "%}");
    node->otherwise = body({"endif"});
  }
  take();
  branch_ = branch;
  return node;
}

std::unique_ptr<Statement> Parser::parse_for(int line) {
  auto node = std::make_unique<For>(line);
  node->target = target(/*with_namespace=*/false);
  expect_name("in");
  node->over = tuple(/*conditional=*/false, /*parentheses=*/false, "recursive");
  if (skip_name("if")) node->condition = expression();
  if (is_name("recursive")) fail_here("recursive loops are not supported");
  skip_operator(":");
  expect(TokenKind::BlockEnd, "%}");
  const bool branch = std::exchange(branch_, false);
  ++loops_;
  node->body = body({"else", "endfor"});
  --loops_;
  if (skip_name("else"))
    node->otherwise = body_until("endfor");
  else
    take();
  branch_ = branch;
  return node;
}

std::unique_ptr<Statement> Parser::parse_leave(int line, Flow flow) {
  if (loops_ == 0) throw SyntaxFailure{line, "break and continue stand in a loop"};
  return std::make_unique<Leave>(line, flow);
}

std::vector<std::unique_ptr<const Filter>> Parser::filter_chain() {
  std::vector<std::unique_ptr<const Filter>> chain;
  while (is_operator("|")) {
    ExpressionPtr one = filter(nullptr);
    chain.emplace_back(static_cast<const Filter*>(one.release()));
  }
  return chain;
}

std::unique_ptr<Statement> Parser::parse_set(int line) {
  Target to = target(/*with_namespace=*/true);
  if (skip_operator("=")) {
    auto node = std::make_unique<Set>(line);
    node->target = std::move(to);
    node->expression = tuple(/*conditional=*/true, /*parentheses=*/false);
    return node;
  }
  auto node = std::make_unique<SetBlock>(line);
  node->target = std::move(to);
  node->filters = filter_chain();
  node->body = body_until("endset");
  return node;
}

void Parser::signature(MacroCode* code) {
  expect_operator("(");
  while (!is_operator(")")) {
    if (!code->parameters.empty()) expect_operator(",");
    Parameter parameter{expect_name(), nullptr};
    if (skip_operator("="))
      parameter.otherwise = expression();
    else if (!code->parameters.empty() && code->parameters.back().otherwise != nullptr)
      fail_here("non-default argument follows default argument");
    code->parameters.push_back(std::move(parameter));
  }
  take();
}

void Parser::macro_body(MacroCode* code, const char* end) {
  std::set<std::string> outer;
  outer.swap(names_);
  const int loops = std::exchange(loops_, 0);
  code->body = body_until(end);
  loops_ = loops;
  const auto declared = [code](const std::string& name) {
    return std::any_of(code->parameters.begin(), code->parameters.end(), [&](const auto& p) {
      return p.name == name;
    });
  };
  const auto takes = [&](const char* name) { return names_.count(name) > 0 && !declared(name); };
  code->takes_caller = takes("caller");
  code->takes_kwargs = takes("kwargs");
  code->takes_varargs = takes("varargs");
  names_.insert(outer.begin(), outer.end());
}

std::unique_ptr<Statement> Parser::parse_macro(int line) {
  auto node = std::make_unique<Macro>(line);
  node->code.name = expect_name();
  signature(&node->code);
  macro_body(&node->code, "endmacro");
  return node;
}

std::unique_ptr<Statement> Parser::parse_call_block(int line) {
  auto node = std::make_unique<CallBlock>(line);
  node->caller.name = "caller";
  if (is_operator("(")) signature(&node->caller);
  ExpressionPtr called = expression();
  if (dynamic_cast<const Call*>(called.get()) == nullptr)
    throw SyntaxFailure{line, "expected call"};
  node->call.reset(static_cast<const Call*>(called.release()));
  macro_body(&node->caller, "endcall");
  return node;
}

std::unique_ptr<Statement> Parser::parse_filter_block(int line) {
  auto node = std::make_unique<FilterBlock>(line);
  --at_;  // the chain begins without "|": the tag's name stands for it
  tokens_[at_] = {TokenKind::Operator, line, "|"};
  node->filters = filter_chain();
  node->body = body_until("endfilter");
  return node;
}

std::unique_ptr<Statement> Parser::parse_with(int line) {
  auto node = std::make_unique<With>(line);
  while (!is(TokenKind::BlockEnd)) {
    if (!node->variables.empty()) expect_operator(",");
    Target to = target(/*with_namespace=*/false);
    expect_operator("=");
    node->variables.emplace_back(std::move(to), expression());
  }
  node->body = body_until("endwith");
  return node;
}

std::unique_ptr<Statement> Parser::parse_generation(int line) {
  auto node = std::make_unique<With>(line);
  // Its body is a function of its own for Jinja: no loop of the outside can be left from it.
  const int loops = std::exchange(loops_, 0);
  node->body = body_until("endgeneration");
  loops_ = loops;
  return node;
}

Target Parser::single_target(bool with_namespace) {
  const Nested nested(this);
  if (skip_operator("(")) {
    Target inner = target(with_namespace);
    expect_operator(")");
    return inner;
  }
  Target out;
  out.name = expect_name();
  for (const char* reserved : {"true", "false", "none", "True", "False", "None"})
    if (out.name == reserved) fail_here("can't assign to '" + out.name + "'");
  if (with_namespace && skip_operator(".")) out.attribute = expect_name();
  return out;
}

Target Parser::target(bool with_namespace) {
  Target first = single_target(with_namespace);
  if (!is_operator(",")) return first;
  Target all;
  all.is_tuple = true;
  all.parts.push_back(std::move(first));
  while (skip_operator(",")) {
    if (!is(TokenKind::Name) && !is_operator("(")) break;
    if (is_name("in")) break;
    all.parts.push_back(single_target(with_namespace));
  }
  return all;
}

}  // namespace kvhost::jinja
