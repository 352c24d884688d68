// SPDX-License-Identifier: Apache-2.0
// Files that lie beside libraries and in the cache: anybody may have put anything there.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

namespace kvhost::registry {

// The JSON of a file; nothing when there is no such file. Throws std::runtime_error, in words of
// one line, for what is no regular file, longer than `most_bytes`, or not JSON; it does not wait
// for pipes and does not read devices.
std::optional<nlohmann::json> read_small_json(const std::filesystem::path& file, size_t most_bytes);

// Whether the file begins as a library does, without reading more of it.
bool is_elf(const std::filesystem::path& file);

}  // namespace kvhost::registry
