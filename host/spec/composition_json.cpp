// SPDX-License-Identifier: Apache-2.0
// The canonical JSON form: what spec_json.cpp reads, with every parameter.
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "registry/value_json.hpp"
#include "spec/composition.hpp"

namespace kvhost {
namespace {

using nlohmann::json;

json node_json(const Node& node) {
  json params = json::object();
  for (size_t i = 0; i < node.values.size(); ++i)
    params[node.method.params[i].name] = registry::json_of(node.values[i]);
  json out = {{"press", node.method.name}, {"params", params}};
  if (node.inner.size() == 1) out["inner"] = node_json(*node.inner.front());
  for (const auto& inner : node.inner)
    if (node.inner.size() > 1) out["inner"].push_back(node_json(*inner));
  return out;
}

json stage_json(const StageSpec& stage) {
  json out;
  for (const auto* part :
       {&stage.scorer, &stage.head_allocator, &stage.layer_allocator, &stage.press}) {
    if (!*part) continue;
    json outer = node_json(**part);
    if (!out.is_null()) outer["inner"] = std::move(out);
    out = std::move(outer);
  }
  return out;
}

}  // namespace

std::string Composition::json_text() const {
  if (none()) return "null";
  if (stages.size() == 1) return kvhost::json_text(stage_json(stages[0]));
  json out = json::array();
  for (const auto& stage : stages) out.push_back(stage_json(stage));
  return kvhost::json_text(out);
}

}  // namespace kvhost
