// SPDX-License-Identifier: Apache-2.0
// GGUF names the way a text is cut by a word ("tokenizer.ggml.pre"); this is what the words mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvhost::tok {

struct PreRule {
  std::vector<const char*> names;
  std::vector<const char*> patterns;  // one after the other, each cuts what the one before left
  bool ignore_merges = false, add_bos = false;
  bool byte_level = true;  // false: pieces are text, spaces are "▁", bytes are <0x..>
};

// Null for an unknown name.
const PreRule* find_pre_rule(std::string_view name);
std::vector<std::string> known_pre_names();

}  // namespace kvhost::tok
