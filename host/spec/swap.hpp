// SPDX-License-Identifier: Apache-2.0
// A composition with one part changed: what a part does is what changes with it.
#pragma once

#include <string>
#include <vector>

#include "spec/composition.hpp"

namespace kvhost {

// The text of a method alone, without what stands inside it.
std::string own_text(const Node& node);
// With it, and what stands inside alone: ":knorm", ":(knorm+snapkv)" or "".
std::string node_text(const Node& node);
std::string inner_text(const Node& node);

// Of "scorer", "wrapper", "head_allocator", "layer_allocator", "press", and "allocator" for two of
// them. Throws Error naming `flag` for others.
std::vector<registry::Kind> kinds_named(const std::string& name, const std::string& flag);

// `composition` with each other method of `kind` in the place of one that it has, and without it
// where it can do without; with one more where it has none. Parameters are the defaults. In the
// order of the catalog; whether one of them can run is not looked at. Several scorers inside a
// wrapper stay as they are.
std::vector<std::string> swapped(const Composition& composition,
                                 const registry::Catalog& catalog,
                                 registry::Kind kind);

}  // namespace kvhost
