// SPDX-License-Identifier: Apache-2.0
// The bounds of what a tokenizer file can ask for: how many stages, and how much longer they make a
// text.
#pragma once

#include <cstddef>

#include "tokenizer/json_node.hpp"

namespace kvhost::tok {

// Called before a stage is added to `n` others; published files have a dozen at most.
void check_stages(const JsonNode& node, size_t n);

// Throws when a text of `before` bytes became one of `after` by more than any published tokenizer
// does to it: normal forms make one character eighteen, spelling of bytes two. A few stages that
// each double it would fill any memory.
void check_growth(size_t before, size_t after);

}  // namespace kvhost::tok
