// SPDX-License-Identifier: Apache-2.0
#include "spec/composition.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kvhost/method.h"
#include "spec/parameters.hpp"

namespace kvhost {
namespace {

using registry::Kind;

// Outermost first. A kind may only hold kinds of a higher rank; a wrapper may hold another wrapper.
int rank(Kind kind) {
  switch (kind) {
    case Kind::Press:
      return 0;
    case Kind::LayerAllocator:
      return 1;
    case Kind::HeadAllocator:
      return 2;
    case Kind::Wrapper:
      return 3;
    case Kind::Scorer:
      return 4;
  }
  return 4;
}

std::string scorer_names(const registry::Catalog& catalog) {
  std::vector<std::string> names;
  for (const auto& method : catalog.methods())
    if (method.kind == Kind::Scorer) names.push_back(method.name);
  return join(names, ", ");
}

class Composer {
 public:
  Composer(const registry::Catalog& catalog, const AliasTable& aliases, uint32_t phase_flag)
      : catalog_(catalog), aliases_(aliases), phase_flag_(phase_flag) {}

  StageSpec compose(const Spec& outermost) const {
    StageSpec result;
    const Spec* spec = &outermost;
    std::unique_ptr<Node>* wrapper_slot = nullptr;
    const Spec* outer = nullptr;
    Kind outer_kind = Kind::Press;
    while (true) {
      auto node = std::make_unique<Node>(check(*spec));
      const Kind kind = node->method.kind;
      const bool complete = node->method.flags & KVH_METHOD_NO_SCORER;
      if (outer) check_order(*outer, outer_kind, *spec, kind);
      std::unique_ptr<Node>& slot = wrapper_slot ? *wrapper_slot : slot_of(result, kind);
      slot = std::move(node);
      if (kind == Kind::Scorer) {
        check_innermost(*spec);
        return result;
      }
      if (spec->inner.empty()) {
        if (complete) return result;
        refuse_incomplete(*spec, kind);
      }
      if (kind == Kind::Wrapper) wrapper_slot = &slot->inner;
      outer = spec;
      outer_kind = kind;
      spec = &only_inner(*spec);
    }
  }

 private:
  static const Spec& only_inner(const Spec& spec) {
    if (spec.inner.size() > 1)
      bad_request(spec.inner[1].where,
                  "found a second part '" + spec.inner[1].name + "' inside '" + spec.name +
                      "'; expected one: '+' joins whole compositions, as in " + spec.name + ":" +
                      spec.inner[0].name + "+" + spec.inner[1].name);
    return spec.inner.front();
  }

  static void check_innermost(const Spec& scorer) {
    if (scorer.inner.empty()) return;
    bad_request(scorer.inner[0].where,
                "found '" + scorer.inner[0].name + "' inside the scorer '" + scorer.name +
                    "'; expected nothing there: a scorer is the innermost part");
  }

  [[noreturn]] void refuse_incomplete(const Spec& spec, Kind kind) const {
    bad_request(spec.where,
                "the " + std::string(registry::kind_name(kind)) + " '" + spec.name +
                    "' has no scorer inside; expected " + spec.name + ":SCORER with one of " +
                    scorer_names(catalog_));
  }

  static std::unique_ptr<Node>& slot_of(StageSpec& result, Kind kind) {
    switch (kind) {
      case Kind::Press:
        return result.press;
      case Kind::LayerAllocator:
        return result.layer_allocator;
      case Kind::HeadAllocator:
        return result.head_allocator;
      default:
        return result.scorer;
    }
  }

  static void check_order(const Spec& outer, Kind outer_kind, const Spec& inner, Kind kind) {
    const bool nested_wrappers = outer_kind == Kind::Wrapper && kind == Kind::Wrapper;
    if (rank(kind) > rank(outer_kind) || nested_wrappers) return;
    bad_request(
        inner.where,
        "found the " + std::string(registry::kind_name(kind)) + " '" + inner.name +
            "' inside the " + registry::kind_name(outer_kind) + " '" + outer.name +
            "'; expected the order press > layer allocator > head allocator > wrapper > scorer");
  }

  Node check(const Spec& spec) const {
    const auto* method = catalog_.find(spec.name);
    if (!method) refuse_unknown(spec);
    if (!(method->flags & phase_flag_))
      bad_request(spec.where,
                  "'" + spec.name + "' cannot run " +
                      (phase_flag_ == KVH_METHOD_DECODE ? "while generating" : "after prefill") +
                      "; expected a method that can (see `kvhost info " + spec.name + "`)");
    Node node;
    node.method = *method;
    node.values = resolve_parameters(spec, *method);
    node.where = spec.where;
    return node;
  }

  [[noreturn]] void refuse_unknown(const Spec& spec) const {
    if (aliases_.find(spec.name))
      bad_request(spec.where,
                  "'" + spec.name + "' is an alias of " + *aliases_.find(spec.name) +
                      " and counts only as the whole text; expected the methods themselves");
    auto names = catalog_.names();
    if (const auto run = aliases_.find_run(spec.name))
      bad_request(spec.where,
                  "'" + spec.name + "' is an alias of " + run->text() +
                      " and counts only as the whole --press; expected the methods themselves");
    for (const auto& [alias, ignored] : aliases_.all()) {
      (void)ignored;
      names.push_back(alias);
    }
    bad_request(spec.where,
                "no method named '" + spec.name + "'; expected a name of `kvhost list`" +
                    did_you_mean(spec.name, names));
  }

  const registry::Catalog& catalog_;
  const AliasTable& aliases_;
  uint32_t phase_flag_;
};

bool is_none(const nlohmann::json& press) {
  return press.is_null() || (press.is_string() && (press == "none" || press == "no_press"));
}

std::string value_text(const nlohmann::json& value) {
  if (value.is_null()) return "none";
  if (!value.is_string()) return value.dump();
  const auto word = value.get<std::string>();
  const bool plain = !word.empty() && word.find_first_of(",()[]\"' ") == std::string::npos;
  return plain ? word : value.dump();
}

std::string node_text(const Node& node) {
  std::string params;
  for (size_t i = 0; i < node.values.size(); ++i) {
    const auto& param = node.method.params[i];
    if (node.values[i] == param.def) continue;
    params += (params.empty() ? "" : ",") + param.name + "=" + value_text(node.values[i]);
  }
  std::string text = node.method.name + (params.empty() ? "" : "(" + params + ")");
  return node.inner ? text + ":" + node_text(*node.inner) : text;
}

nlohmann::json node_json(const Node& node) {
  nlohmann::json params = nlohmann::json::object();
  for (size_t i = 0; i < node.values.size(); ++i)
    params[node.method.params[i].name] = node.values[i];
  nlohmann::json out = {{"press", node.method.name}, {"params", params}};
  if (node.inner) out["inner"] = node_json(*node.inner);
  return out;
}

}  // namespace

std::string StageSpec::text() const {
  std::string out;
  for (const auto* part : {press.get(), layer_allocator.get(), head_allocator.get(), scorer.get()})
    if (part) out += (out.empty() ? "" : ":") + node_text(*part);
  return out;
}

nlohmann::json StageSpec::json() const {
  nlohmann::json out;
  for (const auto* part :
       {scorer.get(), head_allocator.get(), layer_allocator.get(), press.get()}) {
    if (!part) continue;
    nlohmann::json outer = node_json(*part);
    if (!out.is_null()) outer["inner"] = std::move(out);
    out = std::move(outer);
  }
  return out;
}

std::string Composition::text() const {
  if (none()) return "none";
  std::string out;
  for (const auto& stage : stages) out += (out.empty() ? "" : "+") + stage.text();
  return out;
}

nlohmann::json Composition::json() const {
  if (none()) return nullptr;
  if (stages.size() == 1) return stages[0].json();
  nlohmann::json out = nlohmann::json::array();
  for (const auto& stage : stages) out.push_back(stage.json());
  return out;
}

Composition compose(const nlohmann::json& press,
                    const std::string& flag,
                    const registry::Catalog& catalog,
                    const AliasTable& aliases,
                    uint32_t phase_flag,
                    const std::string& pointer) {
  if (is_none(press)) return {};
  const Composer composer(catalog, aliases, phase_flag);
  Composition result;
  const auto add_stages = [&](const std::vector<Spec>& specs) {
    for (const auto& spec : specs) result.stages.push_back(composer.compose(spec));
  };
  if (!press.is_string()) {
    add_stages(parse_spec_json(press, flag, pointer));
    return result;
  }
  const auto text = press.get<std::string>();
  const auto expansion = aliases.find(text);
  add_stages(
      parse_spec_text(expansion.value_or(text), pointer.empty() ? flag : flag + " " + pointer));
  if (expansion) result.expanded_from = text;
  return result;
}

}  // namespace kvhost
