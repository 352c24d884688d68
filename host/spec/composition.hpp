// SPDX-License-Identifier: Apache-2.0
// A Spec checked against the registry: kinds nest rightly, every parameter has a value in range. No
// library is opened.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "registry/catalog.hpp"
#include "spec/aliases.hpp"
#include "spec/press_source.hpp"

namespace kvhost {

// One method with its parameter values, in the order of its parameter list, defaults filled in.
struct Node {
  registry::MethodInfo method;
  std::vector<registry::Value> values;
  std::string where;  // where the user wrote it
  uint32_t slot = 0;  // of the method that it stands inside
  // Wrappers: the scorers inside, in the order of its slots; one, where it has no slots of its own.
  std::vector<std::unique_ptr<Node>> inner;
};

// Calls see(const Node&) for the node and everything inside it, outermost first. Null: nothing.
template <class See>
void visit(const Node* node, const See& see) {
  if (!node) return;
  see(*node);
  for (const auto& inner : node->inner) visit(inner.get(), see);
}

// One selection: press > layer allocator > head allocator > scorer (a chain of wrappers around one
// scorer). What the user left out is null: an even split by the host. A scorer that was left out is
// the default of the innermost method that has one. Without a scorer there is only a press that
// acts on all entries. Where a wrapper holds several scorers the chain divides: wrapper:(a+b).
struct StageSpec {
  std::unique_ptr<Node> press, layer_allocator, head_allocator, scorer;

  std::array<const Node*, 4> parts() const {  // outermost first; null where there is none
    return {press.get(), layer_allocator.get(), head_allocator.get(), scorer.get()};
  }
  std::string text() const;
};

// Stages applied one after the other, as the user joined them by +. None: the full cache.
struct Composition {
  std::vector<StageSpec> stages;
  std::string expanded_from;  // the alias that was typed, or ""
  bool decodes = false;       // it is for cuts while generating

  bool none() const { return stages.empty(); }
  std::string text() const;  // canonical: parameters that differ from their defaults
  // Canonical JSON: all parameters; an array when there are several stages, null for none.
  std::string json_text() const;
  // What users of these methods must be told, one line each: libraries that were altered, names
  // that several libraries bring.
  std::vector<std::string> warnings() const;
  // Each once, outermost first.
  std::vector<const registry::MethodInfo*> methods() const;
};

// `phase_flag` = KVH_METHOD_PREFILL or KVH_METHOD_DECODE: every method must be able to run there.
// Throws Error(BadRequest) naming the column or the JSON pointer, Error(CannotLoad) for a method
// whose library was refused.
Composition compose(const PressSource& source,
                    const registry::Catalog& catalog,
                    const AliasTable& aliases,
                    uint32_t phase_flag);

}  // namespace kvhost
