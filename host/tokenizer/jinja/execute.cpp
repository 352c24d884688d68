// SPDX-License-Identifier: Apache-2.0
// Statements.
#include "tokenizer/jinja/ast.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/loop.hpp"
#include "tokenizer/jinja/macro.hpp"
#include "tokenizer/jinja/namespace.hpp"
#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

namespace {

void assign_tuple(Runtime& runtime, const std::vector<Target>& parts, const Value& value) {
  const auto items = elements(value);
  runtime.step(items.size());
  const size_t expected = parts.size(), got = items.size();
  if (got < expected)
    fail("not enough values to unpack (expected " + std::to_string(expected) + ", got " +
         std::to_string(got) + ")");
  if (got > expected) fail("too many values to unpack (expected " + std::to_string(expected) + ")");
  for (size_t i = 0; i < expected; ++i) parts[i].assign(runtime, items[i]);
}

std::string rendered(const Body& body, Runtime& runtime) {
  const Runtime::Inside inside(runtime);
  Runtime::Capture capture(runtime);
  run(body, runtime);
  return capture.take();
}

Value filtered(Runtime& runtime,
               const std::vector<std::unique_ptr<const Filter>>& filters,
               std::string text) {
  Value value = Value::text(std::move(text));
  for (const auto& filter : filters) value = filter->apply_to(runtime, value);
  return value;
}

}  // namespace

Flow Statement::run(Runtime& runtime) const {
  const Runtime::Level level(runtime, line);
  return execute(runtime);
}

Flow run(const Body& body, Runtime& runtime) {
  for (const auto& statement : body)
    if (const Flow flow = statement->run(runtime); flow != Flow::Next) return flow;
  return Flow::Next;
}

void Target::assign(Runtime& runtime, const Value& value) const {
  if (is_tuple)
    assign_tuple(runtime, parts, value);
  else if (attribute.empty())
    runtime.scope().set(name, value);
  else
    set_in_namespace(runtime, name, attribute, value);
}

Flow Data::execute(Runtime& runtime) const {
  runtime.write(text);
  return Flow::Next;
}

Flow Print::execute(Runtime& runtime) const {
  const Value value = expression->value(runtime);
  if (value.is_text())
    runtime.write(value.as_text());
  else
    runtime.write(text_of(runtime, value));
  return Flow::Next;
}

Flow If::execute(Runtime& runtime) const {
  for (const auto& [condition, body] : branches)
    if (truthy(condition->value(runtime))) return jinja::run(body, runtime);
  return jinja::run(otherwise, runtime);
}

std::vector<Value> For::chosen(Runtime& runtime) const {
  const Value all = over->value(runtime);
  runtime.touch(all);
  std::vector<Value> items = elements(all).copy();
  if (condition == nullptr) return items;
  std::vector<Value> out;
  for (Value& item : items) {
    const Runtime::Inside inside(runtime);
    target.assign(runtime, item);
    if (truthy(condition->value(runtime))) out.push_back(std::move(item));
  }
  return out;
}

Flow For::execute(Runtime& runtime) const {
  const auto loop = std::make_shared<Loop>(chosen(runtime));
  for (; loop->more(); loop->next()) {
    const Runtime::Inside inside(runtime);
    runtime.scope().set("loop", Value::object(loop));
    target.assign(runtime, loop->item());
    if (jinja::run(body, runtime) == Flow::Break) break;
  }
  if (loop->size() > 0 || otherwise.empty()) return Flow::Next;
  const Runtime::Inside inside(runtime);
  return jinja::run(otherwise, runtime);
}

Flow Set::execute(Runtime& runtime) const {
  target.assign(runtime, expression->value(runtime));
  return Flow::Next;
}

Flow SetBlock::execute(Runtime& runtime) const {
  target.assign(runtime, filtered(runtime, filters, rendered(body, runtime)));
  return Flow::Next;
}

Flow FilterBlock::execute(Runtime& runtime) const {
  runtime.write(text_of(runtime, filtered(runtime, filters, rendered(body, runtime))));
  return Flow::Next;
}

Flow Macro::execute(Runtime& runtime) const {
  runtime.scope().set(code.name, make_macro(runtime, code));
  return Flow::Next;
}

Flow CallBlock::execute(Runtime& runtime) const {
  const Value body = make_macro(runtime, caller);
  runtime.write(text_of(runtime, call->call(runtime, &body)));
  return Flow::Next;
}

Flow With::execute(Runtime& runtime) const {
  std::vector<Value> values;  // all are evaluated before the first is set
  for (const auto& [target, expression] : variables) values.push_back(expression->value(runtime));
  const Runtime::Inside inside(runtime);
  for (size_t i = 0; i < values.size(); ++i) variables[i].first.assign(runtime, values[i]);
  return jinja::run(body, runtime);
}

}  // namespace kvhost::jinja
