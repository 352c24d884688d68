// SPDX-License-Identifier: Apache-2.0
// Names of whole compositions, e.g. those of other catalogues. Data, not code: a file aliases.json
// in a plugin folder holds {"schema": 1, "aliases": {name: composition text, ...}, "runs": {name:
// {"decode_press": ..., ...}, ...}}. A run is what one composition cannot say: what happens while
// generating.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

// As the options of the same names; 0 = not said.
struct RunAlias {
  std::string press = "none", decode_press;
  int64_t decode_every = 0, decode_budget = 0;
  double decode_keep_ratio = 0;

  std::string text() const;  // as flags
};

class AliasTable {
 public:
  AliasTable() = default;
  // Reads aliases.json of each folder that has one; earlier folders win. A malformed file throws
  // Error(CannotLoad).
  static AliasTable read(const std::vector<std::filesystem::path>& plugin_folders);

  std::optional<std::string> find(const std::string& name) const;  // a composition
  std::optional<RunAlias> find_run(const std::string& name) const;
  // Of both kinds: name and what it stands for.
  std::map<std::string, std::string> all() const;

 private:
  std::map<std::string, std::string> table_;
  std::map<std::string, RunAlias> runs_;
};

}  // namespace kvhost
