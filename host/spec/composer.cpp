// SPDX-License-Identifier: Apache-2.0
#include "spec/composer.hpp"

#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kvhost/method.h"
#include "spec/parameters.hpp"
#include "spec/slots.hpp"

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

std::string text_of(const registry::ScanFailure& failure) {
  return failure.library.string() + ": " + failure.stage + ": " + failure.reason;
}

const Spec& only_inner(const Spec& spec) {
  if (spec.inner.size() > 1)
    bad_request(spec.inner[1].where,
                "found a second part '" + spec.inner[1].name + "' inside '" + spec.name +
                    "'; expected one: '+' joins whole compositions, as in " + spec.name + ":" +
                    spec.inner[0].name + "+" + spec.inner[1].name);
  return spec.inner.front();
}

void check_innermost(const Spec& scorer) {
  if (scorer.inner.empty()) return;
  bad_request(scorer.inner[0].where,
              "found '" + scorer.inner[0].name + "' inside the scorer '" + scorer.name +
                  "'; expected nothing there: a scorer is the innermost part");
}

// A part of a layer has no budget of its own.
void check_budget_known(const Node* parts, const Node& inner) {
  if (!parts || !(inner.method.flags & KVH_METHOD_NEEDS_BUDGET)) return;
  bad_request(inner.where,
              "found " + called(inner) + ", which looks at the budget, inside " + called(*parts) +
                  ", which scores a layer part by part; expected a method there that needs none "
                  "(see `kvhost info " +
                  inner.method.name + "`)");
}

std::unique_ptr<Node>& slot_of(StageSpec& result, Kind kind) {
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

void check_order(const Node& outer, const Node& inner) {
  const Kind kind = inner.method.kind, outer_kind = outer.method.kind;
  const bool nested_wrappers = outer_kind == Kind::Wrapper && kind == Kind::Wrapper;
  if (rank(kind) > rank(outer_kind) || nested_wrappers) return;
  bad_request(
      inner.where,
      "found " + called(inner) + " inside " + called(outer) +
          "; expected the order press > layer allocator > head allocator > wrapper > scorer");
}

}  // namespace

StageSpec Composer::compose(const Spec& outermost) const {
  StageSpec result;
  Spec added;  // what the user left out
  const Spec* spec = &outermost;
  const Node *outer = nullptr, *giver = nullptr;
  while (true) {
    auto checked = std::make_unique<Node>(check(*spec));
    if (outer) check_order(*outer, *checked);
    std::unique_ptr<Node>& slot = slot_of(result, checked->method.kind);
    slot = std::move(checked);
    if (&slot == &result.scorer) {
      fill(*slot, *spec, giver, nullptr);
      return result;
    }
    const Node& node = *slot;
    if (!node.method.default_inner.empty()) giver = &node;
    outer = &node;
    if (!spec->inner.empty()) {
      spec = &only_inner(*spec);
      continue;
    }
    if (node.method.flags & KVH_METHOD_NO_SCORER) return result;
    added = default_scorer(*spec, node, giver);
    spec = &added;
  }
}

void Composer::fill(Node& node, const Spec& spec, const Node* giver, const Node* parts) const {
  if (node.method.kind == Kind::Scorer) return check_innermost(spec);
  if (!node.method.default_inner.empty()) giver = &node;
  if (node.method.flags & KVH_METHOD_SCORES_PARTS) parts = &node;
  std::vector<Spec> inside = spec.inner;
  const auto& slots = node.method.slots;
  if (inside.empty() && least_inside(slots) == 1)
    inside.push_back(default_scorer(spec, node, giver));
  if (slots.empty() && inside.size() > 1) only_inner(spec);  // refuses
  check_count(spec, slots, inside.size());
  const std::vector<uint32_t> places = places_in(slots, inside.size());
  for (size_t i = 0; i < inside.size(); ++i) {
    auto inner = std::make_unique<Node>(check(inside[i]));
    inner->slot = places[i];
    check_order(node, *inner);
    if (!slots.empty()) check_slot(node, slots[places[i]], *inner);
    check_budget_known(parts, *inner);
    node.inner.push_back(std::move(inner));
    fill(*node.inner.back(), inside[i], giver, parts);
  }
}

Node Composer::check(const Spec& spec) const {
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

Spec Composer::default_scorer(const Spec& spec, const Node& node, const Node* giver) const {
  if (!giver) refuse_incomplete(spec, node);
  const std::string& name = giver->method.default_inner;
  const auto* scorer = catalog_.find(name);
  if (!scorer || scorer->kind != Kind::Scorer) {
    const auto* refused = refused_library(name);
    const std::string what = scorer    ? "a " + std::string(registry::kind_name(scorer->kind))
                             : refused ? "in a library that cannot be used: " + text_of(*refused)
                                       : "not installed";
    bad_request(spec.where,
                called(*giver) + " takes '" + name +
                    "' when no scorer is written inside, which is " + what + "; expected " +
                    spec.name + ":SCORER (see `kvhost list`)");
  }
  Spec added;
  added.name = name;
  added.where = spec.where;
  return added;
}

// The scorer that most methods take by default, or else the first.
std::string Composer::example_scorer() const {
  std::map<std::string, int> votes;
  std::string best;
  for (const auto& method : catalog_.methods()) {
    const bool scorer = method.kind == Kind::Scorer && (method.flags & phase_flag_);
    if (scorer && best.empty()) best = method.name;
    const auto* named =
        method.default_inner.empty() ? nullptr : catalog_.find(method.default_inner);
    if (named && named->kind == Kind::Scorer && (named->flags & phase_flag_)) ++votes[named->name];
  }
  int most = 0;
  for (const auto& [name, count] : votes)
    if (count > most) best = name, most = count;
  return best;
}

// The library that would hold the method by the usual name, when it was refused.
const registry::ScanFailure* Composer::refused_library(const std::string& method) const {
  for (const auto& failure : catalog_.failures())
    if (failure.library.filename() == "lib" + method + ".so") return &failure;
  return nullptr;
}

void Composer::refuse_incomplete(const Spec& spec, const Node& node) const {
  const std::string example = example_scorer();
  bad_request(spec.where,
              called(node) + " has no scorer inside; expected " + spec.name + ":SCORER" +
                  (example.empty() ? "" : ", as in " + spec.name + ":" + example) +
                  " (`kvhost list` shows the scorers)");
}

void Composer::refuse_unknown(const Spec& spec) const {
  if (const auto expansion = aliases_.find(spec.name))
    bad_request(spec.where,
                "'" + spec.name + "' is an alias of " + *expansion +
                    " and counts only as the whole text; expected the methods themselves");
  if (const auto run = aliases_.find_run(spec.name))
    bad_request(spec.where,
                "'" + spec.name + "' is an alias of " + run->text() +
                    " and counts only as the whole --press; expected the methods themselves");
  if (const auto* refused = refused_library(spec.name))
    cannot_load(spec.where, "the method '" + spec.name + "' cannot be used: " + text_of(*refused));
  auto names = catalog_.names();
  for (const auto& [alias, ignored] : aliases_.all()) names.push_back(alias);
  const size_t n_failed = catalog_.failures().size();  // one of them may have brought it
  const std::string failed =
      n_failed == 0 ? ""
                    : "; " + std::to_string(n_failed) + (n_failed == 1 ? " library" : " libraries") +
                          " could not be used, see `kvhost list --failed`";
  bad_request(spec.where,
              "no method named '" + spec.name + "'; expected a name of `kvhost list`" +
                  did_you_mean(spec.name, names) + failed);
}

Composition compose(const PressSource& source,
                    const registry::Catalog& catalog,
                    const AliasTable& aliases,
                    uint32_t phase_flag) {
  const bool text = source.form == PressSource::Form::Text;
  if (!source.given() || (text && (source.text == "none" || source.text == "no_press"))) return {};
  Composition result;
  result.decodes = phase_flag == KVH_METHOD_DECODE;
  std::vector<Spec> specs;
  if (text) {
    const auto expansion = aliases.find(source.text);
    if (expansion) result.expanded_from = source.text;
    const std::string place =
        source.pointer.empty() ? source.flag : source.flag + " " + source.pointer;
    specs = parse_spec_text(expansion.value_or(source.text), place);
  } else {
    specs = parse_spec_json(source.text, source.flag, source.pointer);
  }
  const Composer composer(catalog, aliases, phase_flag);
  for (const auto& spec : specs) result.stages.push_back(composer.compose(spec));
  return result;
}

}  // namespace kvhost
