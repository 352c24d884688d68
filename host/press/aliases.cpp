// SPDX-License-Identifier: Apache-2.0
#include "press/aliases.hpp"

#include <nlohmann/json.hpp>

#include "base/json_file.hpp"

namespace kvhost {

AliasTable AliasTable::read(const std::vector<std::filesystem::path>& plugin_folders) {
  AliasTable result;
  for (const auto& folder : plugin_folders) {
    const auto file = folder / "aliases.json";
    std::error_code status;
    if (!std::filesystem::exists(file, status)) continue;
    const auto json = read_json(file, ExitCode::CannotLoad);
    if (!json.is_object() || !json.contains("aliases") || !json["aliases"].is_object())
      cannot_load(
          file.string(),
          "has no object 'aliases'; expected {\"schema\": 1, \"aliases\": {name: composition}}");
    for (const auto& [name, text] : json["aliases"].items()) {
      if (!text.is_string())
        cannot_load(file.string() + " /aliases/" + name, "is not a string; expected a composition");
      result.table_.emplace(name, text.get<std::string>());
    }
  }
  return result;
}

std::optional<std::string> AliasTable::find(const std::string& name) const {
  const auto found = table_.find(name);
  if (found == table_.end()) return std::nullopt;
  return found->second;
}

}  // namespace kvhost
