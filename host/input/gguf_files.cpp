// SPDX-License-Identifier: Apache-2.0
#include "input/gguf_files.hpp"

#include <algorithm>
#include <regex>

#include "base/text.hpp"

namespace kvhost {

namespace fs = std::filesystem;

std::vector<std::string> gguf_models(const fs::path& folder) {
  static const std::regex part("-([0-9]{5})-of-[0-9]{5}\\.gguf$");
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".gguf" || name.rfind("mmproj", 0) == 0) continue;
    std::smatch number;
    if (std::regex_search(name, number, part) && number[1] != "00001") continue;
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string shown_names(const std::vector<std::string>& names) {
  constexpr size_t kShown = 4;
  if (names.size() <= kShown + 1) return join(names, ", ");
  return join({names.begin(), names.begin() + kShown}, ", ") + " and " +
         std::to_string(names.size() - kShown) + " more";
}

}  // namespace kvhost
