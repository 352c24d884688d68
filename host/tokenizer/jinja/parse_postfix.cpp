// SPDX-License-Identifier: Apache-2.0
// What stands behind a value: .name [key] (arguments) |filter, is test.
#include "tokenizer/jinja/filters.hpp"
#include "tokenizer/jinja/parser.hpp"
#include "tokenizer/jinja/parser_depth.hpp"

namespace kvhost::jinja {

ExpressionPtr Parser::postfix(ExpressionPtr node) {
  for (;;) {
    if (is_operator(".") || is_operator("["))
      node = subscript(std::move(node));
    else if (is_operator("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExpressionPtr Parser::filters_and_tests(ExpressionPtr node) {
  for (;;) {
    if (is_operator("|"))
      node = filter(std::move(node));
    else if (is_name("is"))
      node = test(std::move(node));
    else if (is_operator("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExpressionPtr Parser::attribute(ExpressionPtr node, int line) {
  if (is(TokenKind::Integer)) {
    ExpressionPtr key = std::make_unique<Constant>(line, Value::integer(take().integer));
    auto item = std::make_unique<Item>(line, height({node.get(), key.get()}));
    item->of = std::move(node);
    item->key = std::move(key);
    return item;
  }
  if (!is(TokenKind::Name)) fail_here("expected name or number");
  auto made = std::make_unique<Attribute>(line, height({node.get()}));
  made->of = std::move(node);
  made->name = take().text;
  return made;
}

ExpressionPtr Parser::subscript(ExpressionPtr node) {
  const int line = current().line;
  if (skip_operator(".")) return attribute(std::move(node), line);
  take();
  ExpressionPtr parts[3];
  int colons = 0;
  while (!is_operator("]")) {
    if (is_operator(",")) fail_here("an index of several parts is not supported; expected one");
    if (skip_operator(":")) {
      if (++colons > 2) fail_here("expected at most two colons in a slice");
      continue;
    }
    if (parts[colons] != nullptr) fail_here("expected ']', got " + describe(current()));
    parts[colons] = expression();
  }
  take();
  if (colons == 0 && parts[0] == nullptr) fail_here("expected an index between [ and ]");
  const int tall = height({node.get(), parts[0].get(), parts[1].get(), parts[2].get()});
  if (colons == 0) {
    auto item = std::make_unique<Item>(line, tall);
    item->of = std::move(node);
    item->key = std::move(parts[0]);
    return item;
  }
  auto slice = std::make_unique<Slice>(line, tall);
  slice->of = std::move(node);
  slice->begin = std::move(parts[0]);
  slice->end = std::move(parts[1]);
  slice->step = std::move(parts[2]);
  return slice;
}

void Parser::argument(CallArguments* all, int line) {
  const auto ensure = [line](bool ok) {
    if (!ok) throw SyntaxFailure{line, "invalid syntax for function call expression"};
  };
  if (skip_operator("*")) {
    ensure(all->more_positional == nullptr && all->more_named == nullptr);
    all->more_positional = expression();
  } else if (skip_operator("**")) {
    ensure(all->more_named == nullptr);
    all->more_named = expression();
  } else if (is(TokenKind::Name) && ahead().kind == TokenKind::Operator && ahead().text == "=") {
    ensure(all->more_named == nullptr);
    std::string name = take().text;
    take();
    all->named.emplace_back(std::move(name), expression());
  } else {
    ensure(all->more_positional == nullptr && all->more_named == nullptr && all->named.empty());
    all->positional.push_back(expression());
  }
}

CallArguments Parser::arguments() {
  const int line = current().line;
  expect_operator("(");
  CallArguments all;
  for (bool first = true; !is_operator(")"); first = false) {
    if (!first) expect_operator(",");
    if (is_operator(")")) break;
    argument(&all, line);
  }
  expect_operator(")");
  return all;
}

ExpressionPtr Parser::call(ExpressionPtr node) {
  const int line = current().line;
  CallArguments all = arguments();
  auto made = std::make_unique<Call>(line, height(all, node->height));
  made->function = std::move(node);
  made->arguments = std::move(all);
  return made;
}

// Names of filters and tests may have dots.
std::string Parser::dotted_name() {
  std::string name = expect_name();
  while (skip_operator(".")) name += "." + expect_name();
  return name;
}

ExpressionPtr Parser::filter(ExpressionPtr node) {
  expect_operator("|");
  const int line = current().line;
  const std::string name = dotted_name();
  if (!branch_ && find_filter(name) == nullptr) unknown_.push_back({line, unknown_filter(name)});
  CallArguments all;
  if (is_operator("(")) all = arguments();
  auto made = std::make_unique<Filter>(line, height(all, node == nullptr ? 0 : node->height));
  made->subject = std::move(node);
  made->name = name;
  made->arguments = std::move(all);
  return made;
}

ExpressionPtr Parser::test(ExpressionPtr node) {
  const int line = take().line;
  const bool negated = skip_name("not");
  const std::string name = dotted_name();
  if (!branch_ && find_test(name) == nullptr) unknown_.push_back({line, unknown_test(name)});
  CallArguments all;
  const bool value_follows = is(TokenKind::Name) || is(TokenKind::Text) || is(TokenKind::Integer) ||
                             is(TokenKind::Float) || is_operator("[") || is_operator("{");
  if (is_operator("(")) {
    all = arguments();
  } else if (value_follows && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) fail_here("You cannot chain multiple tests with is");
    all.positional.push_back(postfix(primary()));
  }
  auto made = std::make_unique<Test>(line, height(all, node->height));
  made->subject = std::move(node);
  made->name = name;
  made->arguments = std::move(all);
  if (!negated) return made;
  auto inverse = std::make_unique<Unary>(line, height({made.get()}));
  inverse->operand = std::move(made);
  return inverse;
}

}  // namespace kvhost::jinja
