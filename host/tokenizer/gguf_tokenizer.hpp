// SPDX-License-Identifier: Apache-2.0
// What a GGUF file's metadata says of its tokenizer and its chat templates.
#pragma once

#include <map>
#include <string>

#include "format/gguf_metadata.hpp"
#include "tokenizer/chat_template.hpp"
#include "tokenizer/tokenizer_parts.hpp"

namespace kvhost {

// `origin` is what messages call the file. Throws Error(CannotLoad) where there is no tokenizer, or
// one of a kind that kvhost does not have.
TokenizerParts gguf_tokenizer_parts(const GgufMetadata& metadata, const std::string& origin);

bool has_gguf_tokenizer(const GgufMetadata& metadata);

// Sources by name: default, tool_use, ...
std::map<std::string, std::string> gguf_chat_templates(const GgufMetadata& metadata);

// bos_token: "<s>", ...
ChatTemplate::SpecialTokens gguf_special_tokens(const GgufMetadata& metadata);

}  // namespace kvhost
