// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "eval/suite.hpp"
#include "input/json_object.hpp"

namespace kvhost::eval {

// The tasks of a suite file, whose texts are looked for in `places` and the data folders. Throws
// Error(BadRequest).
std::vector<Task> read_tasks(const JsonAt& at, const std::vector<std::filesystem::path>& places);

// Texts of a suite, one or an array, each a name or {"file", "sha256"}. A missing one is an error.
std::vector<std::filesystem::path> files_at(const JsonAt& at,
                                            const std::vector<std::filesystem::path>& places);

}  // namespace kvhost::eval
