// SPDX-License-Identifier: Apache-2.0
#include "cli/open_registry.hpp"

#include "base/error.hpp"
#include "cli/limits.hpp"
#include "registry/search_path.hpp"

namespace kvhost {

Registry open_registry(const PluginOptions& plugins) {
  for (const auto& folder : plugins.paths) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
      bad_request("--plugin-path", "found no folder " + quoted(folder.string()) + "; expected one with plugins");
  }
  const auto executable = registry::executable_path();
  Registry result;
  result.folders = registry::default_search_path(plugins.paths, executable);
  result.catalog = registry::Catalog::scan(result.folders, registry::default_describe(executable), registry::default_cache_file());
  result.aliases = AliasTable::read(result.folders);
  return result;
}

}  // namespace kvhost
