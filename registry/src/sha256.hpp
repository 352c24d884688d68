// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace kvhost::registry {

// Lower-case hexadecimal SHA-256 of a file's bytes; throws std::runtime_error when it cannot be
// read.
std::string sha256_file(const std::filesystem::path& path);
std::string sha256_text(const std::string& text);

}  // namespace kvhost::registry
