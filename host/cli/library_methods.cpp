// SPDX-License-Identifier: Apache-2.0
#include "cli/library_methods.hpp"

#include "base/error.hpp"
#include "engine/plugin_set.hpp"

namespace kvhost {

namespace fs = std::filesystem;

std::vector<registry::MethodInfo> methods_of(const fs::path& library) {
  std::error_code ignored;
  if (!fs::exists(library, ignored))
    bad_request(library.string(), "is not there; expected a plugin's library, lib<name>.so");
  const fs::path path = fs::weakly_canonical(library, ignored);
  const PluginSet plugins = find_plugins({path.parent_path()}, /*prefer=*/true);
  std::vector<registry::MethodInfo> out;
  for (const auto& method : plugins.catalog.methods())
    if (fs::equivalent(method.library, path, ignored)) out.push_back(method);
  for (const auto& failure : plugins.catalog.failures())
    if (fs::equivalent(failure.library, path, ignored))
      throw Error(ExitCode::CannotLoad, library.string(), failure.stage + ": " + failure.reason);
  if (out.empty())
    cannot_load(library.string(), "brings no method; expected a plugin that kvhost list shows");
  return out;
}

}  // namespace kvhost
