// SPDX-License-Identifier: Apache-2.0
// Reading JSON files with errors that name the place, and writing files so that a partial one is
// never seen.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.hpp"

namespace kvhost {

// Parses `path`. An absent or malformed file throws Error(code) naming path and, for syntax, line
// and column.
nlohmann::json read_json(const std::filesystem::path& path, ExitCode code);
nlohmann::json parse_json(const std::string& text,
                          const std::string& name,
                          ExitCode code);  // of a file already read

// The whole file as bytes; throws Error(code) when it cannot be read.
std::string read_file(const std::filesystem::path& path, ExitCode code);

// Writes beside `path` and renames; on any failure (full disk included) the old file stays and
// Error(RunFailed) is thrown. `path` "-" writes to stdout.
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& fill);
void write_json(const std::filesystem::path& path, const nlohmann::json& value);

}  // namespace kvhost
