// SPDX-License-Identifier: Apache-2.0
#include "registry/search_path.hpp"

#include <cstdlib>
#include <sstream>
#include <string>

namespace kvhost::registry {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The folder that an XDG variable names, or its default below the home folder; "" without a home.
fs::path xdg(const char* name, const char* below_home) {
  // The XDG specification: relative paths in these variables are ignored.
  const fs::path given = variable(name);
  if (given.is_absolute()) return given;
  const std::string home = variable("HOME");
  return home.empty() ? fs::path() : fs::path(home) / below_home;
}

void add_if_there(std::vector<fs::path>& folders, const fs::path& folder) {
  std::error_code failed;
  if (!folder.empty() && fs::is_directory(folder, failed)) folders.push_back(folder);
}

}  // namespace

fs::path built_in_folder(const fs::path& executable) {
  return executable.parent_path().parent_path() / "lib/kvhost/plugins/1";
}

bool built_ins_only() {
  const std::string safe = variable("KVHOST_SAFE");
  return !safe.empty() && safe != "0";
}

std::vector<fs::path> default_search_path(const std::vector<fs::path>& flag_paths,
                                          const fs::path& executable,
                                          Precedence precedence) {
  const fs::path built_in = built_in_folder(executable);
  std::vector<fs::path> folders;
  if (precedence == Precedence::BuiltIn || built_ins_only()) add_if_there(folders, built_in);
  if (built_ins_only()) return folders;
  folders.insert(folders.end(), flag_paths.begin(), flag_paths.end());
  std::istringstream listed(variable("KVHOST_PLUGIN_PATH"));
  for (std::string folder; std::getline(listed, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  const fs::path data = xdg("XDG_DATA_HOME", ".local/share");
  if (!data.empty()) add_if_there(folders, data / "kvhost/plugins");
  if (precedence == Precedence::Plugins) add_if_there(folders, built_in);
  return folders;
}

fs::path default_describe(const fs::path& executable) {
  return executable.parent_path() / "kvhost-describe";
}

fs::path default_cache_file() {
  const fs::path cache = xdg("XDG_CACHE_HOME", ".cache");
  return cache.empty() ? cache : cache / "kvhost/registry-1.json";
}

fs::path executable_path() {
  std::error_code failed;
  return fs::read_symlink("/proc/self/exe", failed);
}

}  // namespace kvhost::registry
