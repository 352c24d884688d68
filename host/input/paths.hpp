// SPDX-License-Identifier: Apache-2.0
// Where things lie, derived from where the program itself is: an installed tree may be moved.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

// Folders that may hold models/: $KVHOST_DATA, <prefix>/share/kvhost, and for a binary in a build
// tree the source tree.
std::vector<std::filesystem::path> data_folders();

// The source tree this binary was built from while it still lies in its build tree.
std::optional<std::filesystem::path> source_folder();

// Names of bundled models, those of earlier data folders first.
std::vector<std::string> bundled_models();
std::optional<std::filesystem::path> bundled_model(const std::string& name);

inline constexpr const char* kDefaultModel = "demo";

// $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub.
std::filesystem::path hub_cache();

// `name` is a folder, a bundled name, a hub id "org/name" in the local hub cache, or "" for the
// bundled default. Throws Error(CannotLoad) that says what was looked for, where, and how to get
// it.
std::filesystem::path resolve_model(const std::string& name);

}  // namespace kvhost
