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

namespace {

std::string node_text(const Node& node) {
  return own_text(node) + (node.inner ? ":" + node_text(*node.inner) : "");
}

void add_warnings(const Node* node, std::vector<std::string>& warnings) {
  if (!node) return;
  const auto& method = node->method;
  for (const std::string& what : {method.altered, method.rival}) {
    const std::string text = method.library.string() + ": " + what;
    const bool told = std::find(warnings.begin(), warnings.end(), text) != warnings.end();
    if (!what.empty() && !told) warnings.push_back(text);
  }
  add_warnings(node->inner.get(), warnings);
}

}  // namespace

std::string StageSpec::text() const {
  std::string out;
  for (const auto* part : {press.get(), layer_allocator.get(), head_allocator.get(), scorer.get()})
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
  for (const auto& stage : stages)
    for (const auto* part :
         {&stage.press, &stage.layer_allocator, &stage.head_allocator, &stage.scorer})
      for (const Node* node = part->get(); node; node = node->inner.get()) {
        const auto same = [node](const auto* known) { return known->name == node->method.name; };
        if (std::none_of(methods.begin(), methods.end(), same)) methods.push_back(&node->method);
      }
  return methods;
}

std::vector<std::string> Composition::warnings() const {
  std::vector<std::string> warnings;
  for (const auto& stage : stages)
    for (const auto* part :
         {&stage.press, &stage.layer_allocator, &stage.head_allocator, &stage.scorer})
      add_warnings(part->get(), warnings);
  return warnings;
}

}  // namespace kvhost
