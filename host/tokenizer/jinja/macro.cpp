// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/macro.hpp"

#include <algorithm>

#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

namespace {

class MacroObject : public Object {
 public:
  MacroObject(const MacroCode& code, std::weak_ptr<Scope> scope)
      : code_(code), scope_(std::move(scope)) {}

  std::string type_name() const override { return "Macro"; }
  std::string repr() const override { return "<Macro '" + code_.name + "'>"; }
  bool callable() const override { return true; }
  std::optional<Value> attribute(const std::string& name) override {
    if (name == "name") return Value::text(code_.name);
    return std::nullopt;
  }

  Value call(Runtime& runtime, const Arguments& arguments) override {
    // The runtime keeps the scope for as long as it renders.
    const Runtime::Inside inside(runtime, scope_.lock());
    bind(runtime, arguments);
    Runtime::Capture capture(runtime);
    run(code_.body, runtime);
    return Value::text(capture.take());
  }

 private:
  bool has_parameter(const std::string& name) const {
    return std::any_of(code_.parameters.begin(), code_.parameters.end(), [&name](const auto& p) {
      return p.name == name;
    });
  }

  void bind(Runtime& runtime, const Arguments& arguments) const {
    bind_named(runtime, arguments);
    bind_positional(runtime, arguments);
    for (const Parameter& parameter : code_.parameters) {
      const auto& here = runtime.scope().variables;
      if (std::any_of(
              here.begin(), here.end(), [&](const auto& v) { return v.first == parameter.name; }))
        continue;
      runtime.scope().set(
          parameter.name,
          parameter.otherwise != nullptr
              ? parameter.otherwise->value(runtime)
              : Value::undefined("parameter '" + parameter.name + "' was not provided"));
    }
  }

  void bind_positional(Runtime& runtime, const Arguments& arguments) const {
    const size_t n = arguments.positional.size(), known = code_.parameters.size();
    if (n > known && !code_.takes_varargs)
      fail("macro '" + code_.name + "' takes not more than " + std::to_string(known) +
           " argument(s)");
    std::vector<Value> rest;
    for (size_t i = 0; i < n; ++i) {
      if (i >= known)
        rest.push_back(arguments.positional[i]);
      else if (given(arguments, code_.parameters[i].name))
        fail("macro '" + code_.name + "' got multiple values for argument '" +
             code_.parameters[i].name + "'");
      else
        runtime.scope().set(code_.parameters[i].name, arguments.positional[i]);
    }
    if (code_.takes_varargs) runtime.scope().set("varargs", Value::tuple(std::move(rest)));
  }

  static bool given(const Arguments& arguments, const std::string& name) {
    return std::any_of(arguments.named.begin(), arguments.named.end(), [&name](const auto& n) {
      return n.first == name;
    });
  }

  void bind_named(Runtime& runtime, const Arguments& arguments) const {
    Dict rest;
    if (code_.takes_caller) runtime.scope().set("caller", Value::undefined("No caller defined"));
    for (const auto& [name, value] : arguments.named) {
      if (has_parameter(name) || (name == "caller" && code_.takes_caller))
        runtime.scope().set(name, value);
      else if (code_.takes_kwargs)
        rest.set(name, value);
      else
        fail("macro '" + code_.name + "' takes no keyword argument '" + name + "'");
    }
    if (code_.takes_kwargs) runtime.scope().set("kwargs", Value::dict(std::move(rest)));
  }

  const MacroCode& code_;
  std::weak_ptr<Scope> scope_;
};

}  // namespace

Value make_macro(Runtime& runtime, const MacroCode& code) {
  return Value::object(std::make_shared<MacroObject>(code, runtime.keep_scope()));
}

}  // namespace kvhost::jinja
