// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizer/json_node.hpp"
#include "tokenizer/regex.hpp"

namespace kvhost::tok {

// {"String": "..."} or {"Regex": "..."}
Pattern load_pattern(const JsonNode& node);

}  // namespace kvhost::tok
