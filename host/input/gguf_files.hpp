// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

// The models among a folder's *.gguf, sorted: of a split one its first part (-00001-of-00003), and
// no projector of another kind of input (mmproj-*).
std::vector<std::string> gguf_models(const std::filesystem::path& folder);

// "a, b, c, d and 9 more".
std::string shown_names(const std::vector<std::string>& names);

}  // namespace kvhost
