// SPDX-License-Identifier: Apache-2.0
// The registry as the program sees it: where plugins were looked for, what was found, which names stand for whole texts.
#pragma once

#include <filesystem>
#include <vector>

#include "cli/options.hpp"
#include "press/aliases.hpp"
#include "registry/catalog.hpp"

namespace kvhost {

struct Registry {
  std::vector<std::filesystem::path> folders;
  registry::Catalog catalog;
  AliasTable aliases;
};

// Throws Error(BadRequest) when a --plugin-path is no folder, Error(CannotLoad) for a damaged alias file.
Registry open_registry(const PluginOptions& plugins);

}  // namespace kvhost
