// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kvhost::fuzz {

// The JSON of `text` with one thing changed: a value by another of the same or another type, a key by
// one of the text's others, a member or element removed, doubled, moved or wrapped. "" when `text`
// is no JSON. Files in several parts ("=== NAME") have one of them changed.
std::string mutate_json(std::string_view text, unsigned seed);

}  // namespace kvhost::fuzz
