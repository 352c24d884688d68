// SPDX-License-Identifier: Apache-2.0
#include "spec/composition.hpp"

#include <algorithm>

#include "spec/swap.hpp"

namespace kvhost {

std::string own_text(const Node& node) {
  std::string params;
  for (size_t i = 0; i < node.values.size(); ++i) {
    const auto& param = node.method.params[i];
    if (node.values[i] == param.def) continue;
    params += (params.empty() ? "" : ",") + param.name + "=" + node.values[i].text();
  }
  return node.method.name + (params.empty() ? "" : "(" + params + ")");
}

std::string inner_text(const Node& node) {
  std::string out;
  for (const auto& inner : node.inner) out += (out.empty() ? "" : "+") + node_text(*inner);
  if (out.empty()) return out;
  return node.inner.size() > 1 ? ":(" + out + ")" : ":" + out;
}

std::string node_text(const Node& node) { return own_text(node) + inner_text(node); }

std::string StageSpec::text() const {
  std::string out;
  for (const Node* part : parts())
    if (part) out += (out.empty() ? "" : ":") + node_text(*part);
  return out;
}

std::string Composition::text() const {
  if (none()) return "none";
  std::string out;
  for (const auto& stage : stages) out += (out.empty() ? "" : "+") + stage.text();
  return out;
}

std::vector<const registry::MethodInfo*> Composition::methods() const {
  std::vector<const registry::MethodInfo*> methods;
  const auto add = [&methods](const Node& node) {
    const auto same = [&node](const auto* known) { return known->name == node.method.name; };
    if (std::none_of(methods.begin(), methods.end(), same)) methods.push_back(&node.method);
  };
  for (const auto& stage : stages)
    for (const Node* part : stage.parts()) visit(part, add);
  return methods;
}

std::vector<std::string> Composition::warnings() const {
  std::vector<std::string> warnings;
  const auto add = [&warnings](const Node& node) {
    const auto& method = node.method;
    for (const std::string& what : {method.altered, method.rival}) {
      const std::string text = method.library.string() + ": " + what;
      const bool told = std::find(warnings.begin(), warnings.end(), text) != warnings.end();
      if (!what.empty() && !told) warnings.push_back(text);
    }
  };
  for (const auto& stage : stages)
    for (const Node* part : stage.parts()) visit(part, add);
  return warnings;
}

}  // namespace kvhost
