// SPDX-License-Identifier: Apache-2.0
// The tables of a result file, described in docs/results.md, and whose file it is.
#pragma once

#include <cstdint>

#include "results/database.hpp"

namespace kvhost::results {

inline constexpr int64_t kSchemaVersion = 2;
inline constexpr int64_t kApplicationId = 0x4b564852;  // "KVHR", in the header of the file

// Throws Error unless the file is an intact one of kvhost's, of a schema known here; its version.
// With `write`, one that holds nothing yet gets the tables, and one of an older schema what it
// lacks; without, an older one is read as it is.
int64_t check_schema(Database& database, bool write);

}  // namespace kvhost::results
