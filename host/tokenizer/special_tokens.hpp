// SPDX-License-Identifier: Apache-2.0
// Tokens that the files beside the vocabulary name: tokenizer_config.json, special_tokens_map.json,
// added_tokens.json.
#pragma once

#include <nlohmann/json.hpp>

#include "tokenizer/tokenizer_file.hpp"

namespace kvhost::tok {

// The files; null where one is absent.
struct TokenFiles {
  nlohmann::json config, special_tokens_map, added_tokens;
};

// The file's object; null when it is absent.
nlohmann::json read_optional(const std::filesystem::path& path);
TokenFiles read_token_files(const std::filesystem::path& folder);

// "bos_token": "<s>" or {"content": "<s>", ...}; "" when there is none.
std::string token_named(const nlohmann::json& config, const std::string& key);

// "add_bos_token": true; empty when it is absent or null.
std::optional<bool> flag_of(const nlohmann::json& config, const char* key);

// An entry of "added_tokens" that is special and found in the text as it is.
nlohmann::json special_token(const std::string& content);

// Adds them to the document's "added_tokens" in the order in which transformers adds them, and says
// which are bos and eos.
void add_named_tokens(const TokenFiles& files, TokenizerFile* file);

}  // namespace kvhost::tok
