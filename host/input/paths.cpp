// SPDX-License-Identifier: Apache-2.0
#include "input/paths.hpp"

#include <algorithm>
#include <fstream>

#include "base/environment.hpp"
#include "registry/search_path.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using registry::executable_path;

namespace {

std::optional<fs::path> from_environment(const char* name) {
  const std::string value = environment(name);
  if (value.empty()) return std::nullopt;
  return fs::path(value);
}

fs::path home() { return from_environment("HOME").value_or("/"); }

// A name is no path: "..", "a/b" and the like mean nothing in a folder of models.
bool is_plain(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "config.json", ignored);
}

}  // namespace

std::optional<fs::path> source_folder() {
  // CMake writes the source folder into the cache file beside <build>/bin.
  std::ifstream cache(executable_path().parent_path().parent_path() / "CMakeCache.txt");
  const std::string key = "kvhost_SOURCE_DIR:STATIC=";
  for (std::string line; std::getline(cache, line);)
    if (line.rfind(key, 0) == 0) return fs::path(line.substr(key.size()));
  return std::nullopt;
}

std::vector<fs::path> data_folders() {
  std::vector<fs::path> folders;
  if (const auto folder = from_environment("KVHOST_DATA")) folders.push_back(*folder);
  folders.push_back(executable_path().parent_path().parent_path() / "share" / "kvhost");
  if (const auto source = source_folder()) folders.push_back(*source);
  return folders;
}

std::vector<std::string> bundled_models() {
  std::vector<std::string> names;
  for (const auto& folder : data_folders()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder / "models", ignored)) {
      const std::string name = entry.path().filename();
      if (is_model(entry.path()) && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<fs::path> bundled_model(const std::string& name) {
  if (!is_plain(name)) return std::nullopt;
  for (const auto& folder : data_folders())
    if (is_model(folder / "models" / name)) return folder / "models" / name;
  return std::nullopt;
}

fs::path fetched_folder() {
  if (const auto folder = from_environment("KVHOST_MODELS")) return *folder;
  return from_environment("XDG_DATA_HOME").value_or(home() / ".local" / "share") / "kvhost" /
         "models";
}

std::vector<std::string> fetched_models() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fetched_folder(), ignored))
    if (const std::string name = entry.path().filename(); fetched_model(name))
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<fs::path> fetched_model(const std::string& name) {
  return is_plain(name) ? model_in(fetched_folder() / name) : std::nullopt;
}

fs::path hub_cache() {
  if (const auto cache = from_environment("HF_HUB_CACHE")) return *cache;
  if (const auto cache = from_environment("HUGGINGFACE_HUB_CACHE")) return *cache;  // its old name
  if (const auto folder = from_environment("HF_HOME")) return *folder / "hub";
  return from_environment("XDG_CACHE_HOME").value_or(home() / ".cache") / "huggingface" / "hub";
}

}  // namespace kvhost
