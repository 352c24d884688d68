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

// What `kvhost fetch NAME` brought lies here, a folder each: $KVHOST_MODELS, else
// $XDG_DATA_HOME/kvhost/models, else ~/.local/share/kvhost/models.
std::filesystem::path fetched_folder();
std::vector<std::string> fetched_models();
// As `resolve_model` returns it; nothing for names that are paths.
std::optional<std::filesystem::path> fetched_model(const std::string& name);

// $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
// ~/.cache/huggingface/hub.
std::filesystem::path hub_cache();

// The model in a folder: the folder itself when it holds config.json, else its one GGUF file (of a
// split one the first part). A folder with config.json, a GGUF file and no safetensors is one with
// a GGUF file.
std::optional<std::filesystem::path> model_in(const std::filesystem::path& folder);

// `name` is a folder, a GGUF file, a bundled or fetched name, a hub id "org/name" in the local hub
// cache, or "" for the bundled default. Returns a folder with config.json or a GGUF file. Throws
// Error(CannotLoad) that says what was looked for, where, and how to get it.
std::filesystem::path resolve_model(const std::string& name);

}  // namespace kvhost
