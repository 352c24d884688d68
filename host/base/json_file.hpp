// SPDX-License-Identifier: Apache-2.0
// Reading files, and JSON in them, with errors that name the place; writing JSON.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.hpp"
#include "base/output_file.hpp"

namespace kvhost {

// Parses `path`. An absent or malformed file throws Error(code) naming path and, for syntax, line
// and column.
nlohmann::json read_json(const std::filesystem::path& path, ExitCode code);
nlohmann::json parse_json(const std::string& text,
                          const std::string& name,
                          ExitCode code);  // of a file already read

// The whole file as bytes; throws Error(code) when it cannot be read.
std::string read_file(const std::filesystem::path& path, ExitCode code);

// As write_file of base/output_file.hpp.
void write_json(const std::filesystem::path& path, const nlohmann::json& value);

}  // namespace kvhost
