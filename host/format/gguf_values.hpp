// SPDX-License-Identifier: Apache-2.0
// The part of a GGUF file between its counts and its tensors.
#pragma once

#include <map>
#include <string>

#include "format/gguf_cursor.hpp"
#include "format/gguf_metadata.hpp"

namespace kvhost::gguf {

const char* type_name(GgufType type);  // "strings"; how messages call several

// `count` keys with their values. Refuses unknown types, keys listed twice, arrays inside arrays
// beyond a few levels, and counts that the rest of the file has no room for.
std::map<std::string, GgufValue, std::less<>> read_values(Cursor& cursor, uint64_t count);

}  // namespace kvhost::gguf
