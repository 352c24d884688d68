// SPDX-License-Identifier: Apache-2.0
// Methods as people and scripts read them.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "registry/catalog.hpp"

namespace kvhost::registry {

// The level that the checks of a plugin reached with its bytes; "" where they never ran.
using LevelOf = std::function<std::string(const MethodInfo&)>;

// Everything a manifest knows of one method, as a page of text that ends with a newline.
std::string info_text(const MethodInfo& method, const std::string& level = "");

// One line per method, grouped by kind, with marks for what is dear or needs a file of its own, and
// for those of which a level is known.
std::string list_text(const Catalog& catalog, const LevelOf& level_of = nullptr);

// [{"id", "name", "aliases", "kind", "version", "summary", "params", "accepts", "default_inner",
// "needs", "decides_late", "tier", "library", "sha256", "level", "paper"}], by kind, then name.
nlohmann::json list_json(const Catalog& catalog, const LevelOf& level_of = nullptr);

// What could not be used and why, which libraries were altered, and which methods hide others; a
// sentence when there is nothing to tell.
std::string failures_text(const Catalog& catalog);
// {"failed": [{"library", "stage", "reason"}], "altered": [{"library", "reason"}],
//  "shadowed": [{"name", "used", "ignored"}]}
nlohmann::json failures_json(const Catalog& catalog);

}  // namespace kvhost::registry
