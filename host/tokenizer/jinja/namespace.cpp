// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/namespace.hpp"

#include "tokenizer/jinja/failure.hpp"

namespace kvhost::jinja {

namespace {

class Namespace : public Object {
 public:
  std::string type_name() const override { return "jinja2.utils.Namespace"; }
  std::string repr() const override { return "<Namespace>"; }
  std::optional<Value> attribute(const std::string& name) override { return item(name); }
  std::optional<Value> item(const std::string& name) override {
    for (const auto& [known, value] : values_)
      if (known == name) return value;
    return std::nullopt;
  }

  void set(const std::string& name, Value value) {
    for (auto& [known, old] : values_) {
      if (known != name) continue;
      old = std::move(value);
      return;
    }
    values_.emplace_back(name, std::move(value));
  }
  void clear() { values_.clear(); }

 private:
  std::vector<std::pair<std::string, Value>> values_;
};

// As dict(): a mapping or pairs, then names.
void fill(Runtime& runtime, Namespace& space, const Value& from) {
  if (from.is_dict()) {
    runtime.touch(from);
    for (const auto& [key, value] : from.as_dict().entries())
      if (key.is_text()) space.set(key.as_text(), value);
    return;
  }
  for (const Value& pair : elements(from)) {
    const auto parts = elements(pair);
    if (parts.size() != 2 || !parts[0].is_text())
      fail("namespace() takes a mapping, or pairs of a name and a value");
    space.set(parts[0].as_text(), parts[1]);
  }
}

}  // namespace

Value make_namespace(Runtime& runtime, const Arguments& arguments) {
  const auto space = std::make_shared<Namespace>();
  if (arguments.positional.size() > 1) fail("namespace() takes at most one positional argument");
  for (const Value& from : arguments.positional) fill(runtime, *space, from);
  for (const auto& [name, value] : arguments.named) space->set(name, value);
  return runtime.own(space, [raw = space.get()] { raw->clear(); });
}

void set_in_namespace(Runtime& runtime,
                      const std::string& name,
                      const std::string& attribute,
                      const Value& value) {
  const Value* found = runtime.scope().find(name);
  if (found == nullptr) fail("'" + name + "' is undefined");
  auto* space = found->is_object() ? dynamic_cast<Namespace*>(&found->as_object()) : nullptr;
  if (space == nullptr) fail("cannot assign attribute on non-namespace object");
  space->set(attribute, value);
}

}  // namespace kvhost::jinja
