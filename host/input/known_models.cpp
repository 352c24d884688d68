// SPDX-License-Identifier: Apache-2.0
#include "input/known_models.hpp"

#include "input/paths.hpp"

namespace kvhost {

std::vector<KnownModel> known_models() {
  for (const auto& folder : data_folders()) {
    std::error_code ignored;
    const auto file = folder / "models" / "fetch.json";
    if (std::filesystem::exists(file, ignored)) return read_catalogue(file);
  }
  return {};
}

}  // namespace kvhost
