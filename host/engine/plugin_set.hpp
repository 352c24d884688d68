// SPDX-License-Identifier: Apache-2.0
// The methods and aliases that an engine can use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/policy_options.hpp"
#include "registry/catalog.hpp"
#include "spec/aliases.hpp"
#include "spec/composition.hpp"

namespace kvhost {

struct PluginSet {
  std::vector<std::filesystem::path> folders;  // searched, in order of precedence
  registry::Catalog catalog;
  AliasTable aliases;
};

// Reads manifests along the search path. A given path that is not a folder is Error(CannotLoad).
// `prefer`: methods and aliases of those paths take the place of built-in ones of the same name.
PluginSet find_plugins(const std::vector<std::filesystem::path>& paths, bool prefer = false);

// What the press names an alias of a whole run for (RunAlias), spelled out; what was said beside it
// wins. `expansion` is set to a sentence about it, or left empty.
PolicyOptions expand_run_alias(const PolicyOptions& options,
                               const PluginSet& plugins,
                               std::string& expansion);

// The composition of the prompt: nothing said means the alias "default" of the shipped table (an
// Error when there is none).
Composition compose_prefill(const PolicyOptions& options, const PluginSet& plugins);
Composition compose_decode(const PolicyOptions& options, const PluginSet& plugins);

}  // namespace kvhost
