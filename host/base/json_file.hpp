// SPDX-License-Identifier: Apache-2.0
// Reading files, and JSON in them, with errors that name the place; writing JSON. Every file has a
// most of bytes that its kind explains, and JSON a deepest level, so that no file can fill the
// memory or the stack. Reading stops at Ctrl-C.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/output_file.hpp"

namespace kvhost {

// The largest vocabularies (260,000 pieces with their merges) take 35 MB.
inline constexpr int64_t kMostJsonBytes = 256'000'000;
// The longest contexts, ten million tokens, take 50 MB.
inline constexpr int64_t kMostTextBytes = 1'000'000'000;
// Suites of thousands of long documents.
inline constexpr int64_t kMostDataBytes = 16'000'000'000;
// Objects and arrays inside one another, in any file: the deepest that means something is a dozen
// levels. Also the deepest nesting of a composition, and of the stages of a tokenizer.
inline constexpr int kDeepestNesting = 100;

enum class RepeatedKeys { LastCounts, Refused };

// Parses `path`. An absent or malformed file throws Error(code) naming path and, for syntax, line
// and column, what was found and what was expected. Strings of what is returned are UTF-8, numbers
// finite.
nlohmann::json read_json(const std::filesystem::path& path,
                         ExitCode code,
                         RepeatedKeys repeated = RepeatedKeys::LastCounts);
nlohmann::json parse_json(std::string_view text,
                          const std::string& name,
                          ExitCode code,
                          RepeatedKeys repeated = RepeatedKeys::LastCounts);  // of a file read

// The whole file as bytes; throws Error(code) when it cannot be read, to its end, or is larger than
// `most`. Pipes and devices are read as they come.
std::string read_file(const std::filesystem::path& path,
                      ExitCode code,
                      int64_t most = kMostTextBytes);

// As text; bytes that are not UTF-8, as names of files may hold, become U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);

// As write_file of base/output_file.hpp.
void write_json(const std::filesystem::path& path, const nlohmann::json& value);

}  // namespace kvhost
