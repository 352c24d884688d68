// SPDX-License-Identifier: Apache-2.0
// A parsed template. Nodes are immutable; rendering keeps all its state in a Runtime, so that one
// template serves several threads.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/jinja/arithmetic.hpp"
#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

// `height` is the number of nodes on the longest way down; the parser bounds it, and with it the
// recursion of everything that walks the tree.
struct Expression {
  Expression(int l, int h) : line(l), height(h) {}
  virtual ~Expression() = default;
  Value value(Runtime& runtime) const;  // counts the step

  const int line;
  const int height;

 private:
  virtual Value evaluate(Runtime& runtime) const = 0;
};
using ExpressionPtr = std::unique_ptr<const Expression>;

enum class Flow { Next, Break, Continue };

struct Statement {
  explicit Statement(int l) : line(l) {}
  virtual ~Statement() = default;
  Flow run(Runtime& runtime) const;

  const int line;

 private:
  virtual Flow execute(Runtime& runtime) const = 0;
};
using Body = std::vector<std::unique_ptr<const Statement>>;

// Stops at the first statement that leaves the body early.
Flow run(const Body& body, Runtime& runtime);

// (a, b, key=c, *d, **e)
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr more_positional, more_named;

  Arguments values(Runtime& runtime) const;
};

// What is assigned to: a name, an attribute of a namespace, or a tuple of those.
struct Target {
  std::string name;
  std::string attribute;      // "" for a plain name
  std::vector<Target> parts;  // of a tuple
  bool is_tuple = false;

  void assign(Runtime& runtime, const Value& value) const;
};

struct Parameter {
  std::string name;
  ExpressionPtr otherwise;  // its default; may be null
};

// What {% macro %} and {% call %} share.
struct MacroCode {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  bool takes_caller = false, takes_kwargs = false, takes_varargs = false;
};

struct Constant : Expression {
  Constant(int l, Value v) : Expression(l, 1), constant(std::move(v)) {}
  Value evaluate(Runtime&) const override { return constant; }
  Value constant;
};

struct Name : Expression {
  Name(int l, std::string n) : Expression(l, 1), name(std::move(n)) {}
  Value evaluate(Runtime& runtime) const override;
  std::string name;
};

struct SequenceLiteral : Expression {
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  SequenceKind kind = SequenceKind::List;
  std::vector<ExpressionPtr> items;
};

struct DictLiteral : Expression {
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};

struct Attribute : Expression {  // of.name
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  ExpressionPtr of;
  std::string name;
};

struct Item : Expression {  // of[key]
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  ExpressionPtr of, key;
};

struct Slice : Expression {  // of[begin:end:step], each may be null
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  ExpressionPtr of, begin, end, step;
};

struct Call : Expression {
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  // {% call %} passes its body as `caller`.
  Value call(Runtime& runtime, const Value* caller) const;
  ExpressionPtr function;
  CallArguments arguments;
};

struct Filter : Expression {  // subject | name(arguments); unknown ones fail when they are reached
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  Value apply_to(Runtime& runtime, const Value& subject) const;
  ExpressionPtr subject;  // null for the body of {% filter %} and {% set %}
  std::string name;
  CallArguments arguments;
};

struct Test : Expression {  // subject is name(arguments)
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  ExpressionPtr subject;
  std::string name;
  CallArguments arguments;
};

struct Unary : Expression {
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  char sign = '!';  // ! is `not`
  ExpressionPtr operand;
};

struct Binary : Expression {
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  Operator op = Operator::Add;
  ExpressionPtr left, right;
};

struct Concat : Expression {  // a ~ b ~ c
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  std::vector<ExpressionPtr> parts;
};

enum class Comparison { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, In, NotIn };

struct Compare : Expression {  // a < b <= c
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  ExpressionPtr first;
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
};

struct Logical : Expression {  // gives an operand, as in Python
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  bool is_and = false;
  ExpressionPtr left, right;
};

struct Conditional : Expression {  // then if condition else otherwise, which may be null
  using Expression::Expression;
  Value evaluate(Runtime& runtime) const override;
  ExpressionPtr condition, then, otherwise;
};

struct Data : Statement {
  Data(int l, std::string t) : Statement(l), text(std::move(t)) {}
  Flow execute(Runtime& runtime) const override;
  std::string text;
};

struct Print : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  ExpressionPtr expression;
};

struct If : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  std::vector<std::pair<ExpressionPtr, Body>> branches;  // if, elif, ...
  Body otherwise;
};

struct For : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  std::vector<Value> chosen(Runtime& runtime) const;  // what it runs over
  Target target;
  ExpressionPtr over, condition;  // condition may be null
  Body body, otherwise;
};

struct Set : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  Target target;
  ExpressionPtr expression;
};

struct SetBlock : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  Target target;
  std::vector<std::unique_ptr<const Filter>> filters;
  Body body;
};

struct FilterBlock : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  std::vector<std::unique_ptr<const Filter>> filters;
  Body body;
};

struct Macro : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  MacroCode code;
};

struct CallBlock : Statement {
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  std::unique_ptr<const Call> call;
  MacroCode caller;
};

struct With : Statement {  // also {% generation %}: a scope without variables
  using Statement::Statement;
  Flow execute(Runtime& runtime) const override;
  std::vector<std::pair<Target, ExpressionPtr>> variables;
  Body body;
};

struct Leave : Statement {  // break, continue
  Leave(int l, Flow f) : Statement(l), flow(f) {}
  Flow execute(Runtime&) const override { return flow; }
  Flow flow;
};

}  // namespace kvhost::jinja
