// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/runtime.hpp"

#include <cstring>

#include "base/interrupt.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/python_text.hpp"

namespace kvhost::jinja {

namespace {

constexpr int kMaxLevels = 1000;
constexpr size_t kMaxOutput = size_t{64} << 20;

}  // namespace

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get())
    for (const auto& [known, value] : scope->variables)
      if (known == name) return &value;
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  for (auto& [known, old] : variables) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  variables.emplace_back(name, std::move(value));
}

Runtime::~Runtime() {
  for (auto& [object, empty] : owned_) empty();
  for (auto& scope : kept_) scope->variables.clear();
}

void Runtime::step(uint64_t n) {
  if (n > steps_left_) fail("the template takes too many steps; it was stopped");
  constexpr uint64_t kStepsPerLook = 1 << 16;
  const bool look = steps_left_ / kStepsPerLook != (steps_left_ - n) / kStepsPerLook;
  steps_left_ -= n;
  if (look) throw_if_interrupted();
}

void Runtime::touch(const Value& value) {
  if (value.is_text())
    step(value.weight());
  else if (value.is_sequence())
    step(1 + value.as_sequence()->items.size());
  else if (value.is_dict())
    step(1 + value.as_dict().entries().size());
}

Runtime::Level::Level(Runtime& runtime, int line) : runtime_(runtime) {
  runtime.step();
  runtime.line_ = line;
  if (++runtime.depth_ <= kMaxLevels) return;
  --runtime.depth_;
  fail("macros call each other too deeply");
}

std::shared_ptr<Scope> Runtime::keep_scope() {
  if (kept_.empty() || kept_.back() != scope_) kept_.push_back(scope_);
  return scope_;
}

Runtime::Inside::Inside(Runtime& runtime, std::shared_ptr<Scope> parent)
    : runtime_(runtime), outer_(runtime.scope_) {
  runtime.scope_ = std::make_shared<Scope>();
  runtime.scope_->parent = std::move(parent);
}

void Runtime::write(std::string_view text) {
  step(1 + text.size() / 64);
  if (output_.size() + text.size() > kMaxOutput)
    fail("the rendered text is longer than 64 MiB; that is the limit");
  output_ += text;
}

Value Runtime::own(std::shared_ptr<Object> object, std::function<void()> empty) {
  owned_.emplace_back(object, std::move(empty));
  return Value::object(std::move(object));
}

Bound::Bound(const std::string& function,
             const Arguments& arguments,
             std::vector<const char*> parameters,
             size_t required)
    : function_(function), parameters_(std::move(parameters)), values_(parameters_.size()) {
  if (arguments.positional.size() > parameters_.size())
    fail(function + "() takes at most " + std::to_string(parameters_.size()) + " arguments (" +
         std::to_string(arguments.positional.size()) + " given)");
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    size_t i = 0;
    while (i < parameters_.size() && name != parameters_[i]) ++i;
    if (i == parameters_.size())
      fail(function + "() got an unexpected keyword argument '" + name + "'");
    if (values_[i] != nullptr)
      fail(function + "() got multiple values for argument '" + name + "'");
    values_[i] = &value;
  }
  for (size_t i = 0; i < required; ++i)
    if (values_[i] == nullptr)
      fail(function + "() missing the argument '" + std::string(parameters_[i]) + "'");
}

bool Bound::flag(size_t parameter, bool otherwise) const {
  return values_[parameter] == nullptr ? otherwise : truthy(*values_[parameter]);
}

int64_t Bound::integer(size_t parameter, int64_t otherwise) const {
  const Value* value = values_[parameter];
  if (value == nullptr) return otherwise;
  if (!value->is_integer() && !value->is_bool())
    fail(function_ + "(): " + parameters_[parameter] + " is " + type_name(*value) +
         "; expected int");
  return value->as_integer();
}

std::string Bound::text(size_t parameter, const std::string& otherwise) const {
  const Value* value = values_[parameter];
  if (value == nullptr) return otherwise;
  if (!value->is_text())
    fail(function_ + "(): " + parameters_[parameter] + " is " + type_name(*value) +
         "; expected str");
  return value->as_text();
}

Value call(Runtime& runtime, const Value& function, const Arguments& arguments) {
  require_defined(function);
  if (!function.is_object()) fail("'" + type_name(function) + "' object is not callable");
  return function.as_object().call(runtime, arguments);
}

std::string text_of(Runtime& runtime, const Value& value) {
  runtime.walk(value);
  return to_text(value);
}

}  // namespace kvhost::jinja
