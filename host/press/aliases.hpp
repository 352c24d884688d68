// SPDX-License-Identifier: Apache-2.0
// Names of whole compositions, e.g. those of other catalogues. Data, not code: a file aliases.json
// in a plugin folder holds {"schema": 1, "aliases": {"name": "composition text", ...}}.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

class AliasTable {
 public:
  AliasTable() = default;
  // Reads aliases.json of each folder that has one; earlier folders win. A malformed file throws
  // Error(CannotLoad).
  static AliasTable read(const std::vector<std::filesystem::path>& plugin_folders);

  std::optional<std::string> find(const std::string& name) const;
  const std::map<std::string, std::string>& all() const { return table_; }

 private:
  std::map<std::string, std::string> table_;
};

}  // namespace kvhost
