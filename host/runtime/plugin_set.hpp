// SPDX-License-Identifier: Apache-2.0
// The methods and aliases that this process can use.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "input/options.hpp"
#include "spec/aliases.hpp"
#include "spec/composition.hpp"
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
// What --press names an alias of a whole run for (RunAlias), spelled out; flags given beside it
// win. `expansion` is set to a sentence about it, or left empty.
PressOptions expand_run_alias(const PressOptions& options,
                              const PluginSet& plugins,
                              std::string& expansion);

Composition compose_prefill(const PressOptions& options, const PluginSet& plugins);
Composition compose_decode(const PressOptions& options, const PluginSet& plugins);

}  // namespace kvhost
