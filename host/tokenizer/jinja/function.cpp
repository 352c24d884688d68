// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/function.hpp"

namespace kvhost::jinja {

namespace {

class Function : public Object {
 public:
  Function(std::string name, Value self, std::function<Code> code)
      : name_(std::move(name)), self_(std::move(self)), code_(std::move(code)) {}

  std::string type_name() const override { return "builtin_function_or_method"; }
  std::string repr() const override { return "<built-in function " + name_ + ">"; }
  bool callable() const override { return true; }
  int depth() const override { return self_.depth() + 1; }
  Value call(Runtime& runtime, const Arguments& arguments) override {
    runtime.touch(self_);
    for (const Value& one : arguments.positional) runtime.touch(one);
    Value out = code_(runtime, self_, arguments);
    runtime.touch(out);
    return out;
  }

 private:
  std::string name_;
  Value self_;
  std::function<Code> code_;
};

}  // namespace

Value make_function(std::string name, Value self, std::function<Code> code) {
  return Value::object(
      std::make_shared<Function>(std::move(name), std::move(self), std::move(code)));
}

}  // namespace kvhost::jinja
