// SPDX-License-Identifier: Apache-2.0
// A Spec checked against the registry: kinds nest rightly, every parameter has a value in range. No
// library is opened.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "spec/aliases.hpp"
#include "spec/spec.hpp"
#include "registry/catalog.hpp"

namespace kvhost {

// One method with its parameter values, in the order of its parameter list, defaults filled in.
struct Node {
  registry::MethodInfo method;
  std::vector<nlohmann::json> values;
  std::string where;            // where the user wrote it
  std::unique_ptr<Node> inner;  // wrappers: the scorer inside
};

// One selection: press > layer allocator > head allocator > scorer (a chain of wrappers around one
// scorer). What the user left out is null: an even split by the host. Without a scorer there is
// only a press that acts on all entries.
struct StageSpec {
  std::unique_ptr<Node> press, layer_allocator, head_allocator, scorer;

  std::string text() const;
  nlohmann::json json() const;
};

// Stages applied one after the other, as the user joined them by +. None: the full cache.
struct Composition {
  std::vector<StageSpec> stages;
  std::string expanded_from;  // the alias that was typed, or ""

  bool none() const { return stages.empty(); }
  std::string text() const;     // canonical: parameters that differ from their defaults
  nlohmann::json json() const;  // canonical: all parameters; an array when there are several stages
};

// `press` is null (the full cache), a string (text form, an alias, or "none") or an object / array.
// `flag` names the source in errors, `pointer` the place in it when it is a file. `phase_flag` =
// KVH_METHOD_PREFILL or KVH_METHOD_DECODE: every method must be able to run there.
Composition compose(const nlohmann::json& press,
                    const std::string& flag,
                    const registry::Catalog& catalog,
                    const AliasTable& aliases,
                    uint32_t phase_flag,
                    const std::string& pointer = "");

}  // namespace kvhost
