// SPDX-License-Identifier: Apache-2.0
// The methods and aliases that this process can use.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "input/options.hpp"
#include "press/aliases.hpp"
#include "press/composition.hpp"
#include "registry/catalog.hpp"

namespace kvhost {

struct PluginSet {
  std::vector<std::filesystem::path> folders;  // searched, in order of precedence
  registry::Catalog catalog;
  AliasTable aliases;
};

// Reads manifests along the search path. A --plugin-path that is not a folder is Error(CannotLoad).
PluginSet find_plugins(const PluginOptions& options);

// What a user asked for, checked: null means the alias "default" of the shipped table (an Error
// when there is none).
Composition compose_prefill(const PressOptions& options, const PluginSet& plugins);
Composition compose_decode(const PressOptions& options, const PluginSet& plugins);

}  // namespace kvhost
