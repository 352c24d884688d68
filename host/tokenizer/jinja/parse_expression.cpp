// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizer/jinja/parser.hpp"
#include "tokenizer/jinja/parser_depth.hpp"

namespace kvhost::jinja {

namespace {

constexpr int kMaxHeight = 150;

template <typename Node>
std::unique_ptr<Node> make(int line, int height) {
  return std::make_unique<Node>(line, height);
}

}  // namespace

int Parser::checked(int height) const {
  if (height > kMaxHeight) fail_here("an expression nested more than 150 deep; that is the limit");
  return height;
}

int Parser::height(std::initializer_list<const Expression*> below) const {
  int tallest = 0;
  for (const Expression* node : below)
    if (node != nullptr) tallest = std::max(tallest, node->height);
  return checked(tallest + 1);
}

int Parser::height(const CallArguments& below, int at_least) const {
  int tallest = at_least;
  for (const auto& node : below.positional) tallest = std::max(tallest, node->height);
  for (const auto& [name, node] : below.named) tallest = std::max(tallest, node->height);
  for (const auto* node : {below.more_positional.get(), below.more_named.get()})
    if (node != nullptr) tallest = std::max(tallest, node->height);
  return checked(tallest + 1);
}

ExpressionPtr Parser::expression(bool conditional) {
  const Nested nested(this);
  return conditional ? this->conditional() : either();
}

ExpressionPtr Parser::conditional() {
  int line = current().line;
  const size_t unknown = unknown_.size();
  ExpressionPtr then = either();
  while (skip_name("if")) {
    ExpressionPtr condition = either();
    ExpressionPtr otherwise = skip_name("else") ? expression() : nullptr;
    auto node = make<Conditional>(line, height({then.get(), condition.get(), otherwise.get()}));
    node->then = std::move(then);
    node->condition = std::move(condition);
    node->otherwise = std::move(otherwise);
    then = std::move(node);
    line = current().line;
    unknown_.resize(unknown);  // all of it may never be reached
  }
  return then;
}

ExpressionPtr Parser::logical(int line, bool is_and, ExpressionPtr left, ExpressionPtr right) {
  auto node = make<Logical>(line, height({left.get(), right.get()}));
  node->is_and = is_and;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

ExpressionPtr Parser::either() {
  const int line = current().line;
  ExpressionPtr left = both();
  while (skip_name("or")) left = logical(line, /*is_and=*/false, std::move(left), both());
  return left;
}

ExpressionPtr Parser::both() {
  const int line = current().line;
  ExpressionPtr left = negation();
  while (skip_name("and")) left = logical(line, /*is_and=*/true, std::move(left), negation());
  return left;
}

ExpressionPtr Parser::negation() {
  const Nested nested(this);
  const int line = current().line;
  if (!skip_name("not")) return comparison();
  ExpressionPtr operand = negation();
  auto node = make<Unary>(line, height({operand.get()}));
  node->operand = std::move(operand);
  return node;
}

ExpressionPtr Parser::comparison() {
  static const std::pair<const char*, Comparison> kSigns[] = {{"==", Comparison::Equal},
                                                              {"!=", Comparison::NotEqual},
                                                              {"<", Comparison::Less},
                                                              {"<=", Comparison::LessEqual},
                                                              {">", Comparison::Greater},
                                                              {">=", Comparison::GreaterEqual}};
  const int line = current().line;
  ExpressionPtr first = sum();
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
  int tallest = first->height;
  for (;;) {
    const auto* sign = std::find_if(std::begin(kSigns), std::end(kSigns), [this](const auto& s) {
      return skip_operator(s.first);
    });
    if (sign != std::end(kSigns)) {
      rest.emplace_back(sign->second, sum());
    } else if (skip_name("in")) {
      rest.emplace_back(Comparison::In, sum());
    } else if (is_name("not") && ahead().kind == TokenKind::Name && ahead().text == "in") {
      at_ += 2;
      rest.emplace_back(Comparison::NotIn, sum());
    } else {
      break;
    }
    tallest = std::max(tallest, rest.back().second->height);
  }
  if (rest.empty()) return first;
  auto node = make<Compare>(line, checked(tallest + 1));
  node->first = std::move(first);
  node->rest = std::move(rest);
  return node;
}

ExpressionPtr Parser::binary(int line, Operator op, ExpressionPtr left, ExpressionPtr right) {
  auto node = make<Binary>(line, height({left.get(), right.get()}));
  node->op = op;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

ExpressionPtr Parser::sum() {
  const int line = current().line;
  ExpressionPtr left = concatenation();
  for (;;) {
    if (skip_operator("+"))
      left = binary(line, Operator::Add, std::move(left), concatenation());
    else if (skip_operator("-"))
      left = binary(line, Operator::Subtract, std::move(left), concatenation());
    else
      return left;
  }
}

ExpressionPtr Parser::concatenation() {
  const int line = current().line;
  ExpressionPtr first = product();
  if (!is_operator("~")) return first;
  int tallest = first->height;
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(first));
  while (skip_operator("~")) {
    parts.push_back(product());
    tallest = std::max(tallest, parts.back()->height);
  }
  auto node = make<Concat>(line, checked(tallest + 1));
  node->parts = std::move(parts);
  return node;
}

ExpressionPtr Parser::product() {
  static const std::pair<const char*, Operator> kSigns[] = {{"*", Operator::Multiply},
                                                            {"//", Operator::FloorDivide},
                                                            {"/", Operator::Divide},
                                                            {"%", Operator::Modulo}};
  const int line = current().line;
  ExpressionPtr left = power();
  for (;;) {
    const auto* sign = std::find_if(std::begin(kSigns), std::end(kSigns), [this](const auto& s) {
      return skip_operator(s.first);
    });
    if (sign == std::end(kSigns)) return left;
    left = binary(line, sign->second, std::move(left), power());
  }
}

ExpressionPtr Parser::power() {
  const int line = current().line;
  ExpressionPtr left = unary(/*with_filters=*/true);
  while (skip_operator("**"))
    left = binary(line, Operator::Power, std::move(left), unary(/*with_filters=*/true));
  return left;
}

ExpressionPtr Parser::unary(bool with_filters) {
  const Nested nested(this);
  const int line = current().line;
  ExpressionPtr node;
  if (is_operator("-") || is_operator("+")) {
    const char sign = take().text[0];
    ExpressionPtr operand = unary(/*with_filters=*/false);
    auto made = make<Unary>(line, height({operand.get()}));
    made->sign = sign;
    made->operand = std::move(operand);
    node = std::move(made);
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr Parser::name_or_constant() {
  const Token token = take();
  const std::string& name = token.text;
  if (name == "true" || name == "True" || name == "false" || name == "False")
    return std::make_unique<Constant>(token.line, Value::boolean(name[0] == 't' || name[0] == 'T'));
  if (name == "none" || name == "None") return std::make_unique<Constant>(token.line, Value());
  names_.insert(name);
  return std::make_unique<Name>(token.line, name);
}

ExpressionPtr Parser::primary() {
  const int line = current().line;
  if (is(TokenKind::Name)) return name_or_constant();
  if (is(TokenKind::Text)) {
    std::string text;
    while (is(TokenKind::Text)) text += take().text;
    return std::make_unique<Constant>(line, Value::text(std::move(text)));
  }
  if (is(TokenKind::Integer))
    return std::make_unique<Constant>(line, Value::integer(take().integer));
  if (is(TokenKind::Float)) return std::make_unique<Constant>(line, Value::number(take().number));
  if (skip_operator("(")) {
    ExpressionPtr inside = tuple(/*conditional=*/true, /*parentheses=*/true);
    expect_operator(")");
    return inside;
  }
  if (is_operator("[")) return list_literal();
  if (is_operator("{")) return dict_literal();
  fail_here("unexpected " + describe(current()));
}

bool Parser::tuple_ends(const char* end_name) const {
  return is(TokenKind::VariableEnd) || is(TokenKind::BlockEnd) || is_operator(")") ||
         (end_name != nullptr && is_name(end_name));
}

ExpressionPtr Parser::tuple(bool conditional, bool parentheses, const char* end_name) {
  const int line = current().line;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  int tallest = 0;
  for (;;) {
    if (!items.empty()) expect_operator(",");
    if (tuple_ends(end_name)) break;
    items.push_back(expression(conditional));
    tallest = std::max(tallest, items.back()->height);
    if (!is_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items.front());
  if (!is_tuple && !parentheses) fail_here("Expected an expression, got " + describe(current()));
  auto node = make<SequenceLiteral>(line, checked(tallest + 1));
  node->kind = SequenceKind::Tuple;
  node->items = std::move(items);
  return node;
}

ExpressionPtr Parser::list_literal() {
  const int line = take().line;
  std::vector<ExpressionPtr> items;
  int tallest = 0;
  while (!is_operator("]")) {
    if (!items.empty()) expect_operator(",");
    if (is_operator("]")) break;
    items.push_back(expression());
    tallest = std::max(tallest, items.back()->height);
  }
  expect_operator("]");
  auto node = make<SequenceLiteral>(line, checked(tallest + 1));
  node->items = std::move(items);
  return node;
}

ExpressionPtr Parser::dict_literal() {
  const int line = take().line;
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
  int tallest = 0;
  while (!is_operator("}")) {
    if (!entries.empty()) expect_operator(",");
    if (is_operator("}")) break;
    ExpressionPtr key = expression();
    expect_operator(":");
    ExpressionPtr value = expression();
    tallest = std::max({tallest, key->height, value->height});
    entries.emplace_back(std::move(key), std::move(value));
  }
  expect_operator("}");
  auto node = make<DictLiteral>(line, checked(tallest + 1));
  node->entries = std::move(entries);
  return node;
}

}  // namespace kvhost::jinja
