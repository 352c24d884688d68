// SPDX-License-Identifier: Apache-2.0
// Where plugins lie.
#pragma once

#include <filesystem>
#include <vector>

namespace kvhost::registry {

// Where methods come from, and which folder wins when two bring one name.
enum class Precedence {
  BuiltIn,  // the methods that came with the program
  Plugins   // those of the folders that the user named
};

// <prefix>/lib/kvhost/plugins/1, where the executable is <prefix>/bin/kvhost: of the methods that
// came with it.
std::filesystem::path built_in_folder(const std::filesystem::path& executable);

// Whether KVHOST_SAFE is set, to anything but 0: nothing but the built-in folder is looked at.
bool built_ins_only();

// Folders in order of precedence: `flag_paths` (--plugin-path), KVHOST_PLUGIN_PATH (separated by
// ':'), then, where they exist, $XDG_DATA_HOME/kvhost/plugins (~/.local/share/kvhost/plugins) and
// the built-in folder. With Precedence::BuiltIn that last one is the first. Where
// built_ins_only(), that one alone.
std::vector<std::filesystem::path> default_search_path(
    const std::vector<std::filesystem::path>& flag_paths,
    const std::filesystem::path& executable,
    Precedence precedence = Precedence::BuiltIn);

// kvhost-describe beside the executable.
std::filesystem::path default_describe(const std::filesystem::path& executable);

// $XDG_CACHE_HOME/kvhost/registry-1.json (~/.cache/kvhost/registry-1.json); "" when there is no
// home.
std::filesystem::path default_cache_file();

// The running program's own path, links resolved.
std::filesystem::path executable_path();

}  // namespace kvhost::registry
