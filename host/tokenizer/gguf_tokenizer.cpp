// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/gguf_tokenizer.hpp"

#include "base/error.hpp"

namespace kvhost {

namespace {

using Kind = TokenizerParts::Kind;

constexpr const char* kModel = "tokenizer.ggml.model";
constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTemplate = "tokenizer.chat_template";

Kind kind_of(const GgufMetadata& metadata) {
  const std::string name = metadata.text(kModel);
  if (name == "gpt2") return Kind::ByteLevelBpe;
  if (name == "llama") return Kind::SentencePieceBpe;
  if (name == "t5") return Kind::Unigram;
  metadata.refuse(kModel, "gpt2, llama or t5");
}

std::optional<bool> flag_if_there(const GgufMetadata& metadata, const char* key) {
  return metadata.has(key) ? std::optional(metadata.flag(key)) : std::nullopt;
}

}  // namespace

bool has_gguf_tokenizer(const GgufMetadata& metadata) { return metadata.has(kModel); }

TokenizerParts gguf_tokenizer_parts(const GgufMetadata& metadata, const std::string& origin) {
  if (!has_gguf_tokenizer(metadata))
    cannot_load(origin,
                std::string("has no tokenizer; expected '") + kModel + "' in its metadata");
  TokenizerParts parts;
  parts.kind = kind_of(metadata);
  parts.origin = origin;
  parts.pieces = metadata.texts(kTokens);
  const auto take = [&](const char* key, auto& list, const auto& read) {
    if (metadata.has(key)) list = read(std::string(key));
  };
  take("tokenizer.ggml.scores", parts.scores, [&](const auto& key) { return metadata.floats(key); });
  take("tokenizer.ggml.token_type", parts.types, [&](const auto& key) {
    const auto types = metadata.integers(key);
    return std::vector<int32_t>(types.begin(), types.end());
  });
  take("tokenizer.ggml.merges", parts.merges, [&](const auto& key) { return metadata.texts(key); });
  take("tokenizer.ggml.precompiled_charsmap", parts.precompiled_charsmap, [&](const auto& key) {
    return metadata.bytes(key);
  });
  parts.pre = metadata.text_or("tokenizer.ggml.pre", "");
  parts.bos = metadata.token_id("tokenizer.ggml.bos_token_id");
  parts.eos = metadata.token_id("tokenizer.ggml.eos_token_id");
  parts.unk = metadata.token_id("tokenizer.ggml.unknown_token_id");
  parts.pad = metadata.token_id("tokenizer.ggml.padding_token_id");
  parts.eot = metadata.token_id("tokenizer.ggml.eot_token_id");
  parts.eom = metadata.token_id("tokenizer.ggml.eom_token_id");
  parts.add_bos = flag_if_there(metadata, "tokenizer.ggml.add_bos_token");
  parts.add_eos = flag_if_there(metadata, "tokenizer.ggml.add_eos_token");
  parts.add_space_prefix = flag_if_there(metadata, "tokenizer.ggml.add_space_prefix");
  parts.remove_extra_whitespaces =
      flag_if_there(metadata, "tokenizer.ggml.remove_extra_whitespaces");
  return parts;
}

std::map<std::string, std::string> gguf_chat_templates(const GgufMetadata& metadata) {
  std::map<std::string, std::string> out;
  if (metadata.has(kTemplate)) out["default"] = metadata.text(kTemplate);
  const std::string names = "tokenizer.chat_templates";
  if (!metadata.has(names)) return out;
  for (const auto& name : metadata.texts(names)) {
    const std::string key = std::string(kTemplate) + "." + name;
    if (name != "default") out[name] = metadata.text(key);
  }
  return out;
}

ChatTemplate::SpecialTokens gguf_special_tokens(const GgufMetadata& metadata) {
  constexpr std::pair<const char*, const char*> kNames[] = {
      {"bos_token", "tokenizer.ggml.bos_token_id"},
      {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"},
      {"sep_token", "tokenizer.ggml.seperator_token_id"},  // GGUF's spelling
      {"pad_token", "tokenizer.ggml.padding_token_id"},
      {"mask_token", "tokenizer.ggml.mask_token_id"}};
  ChatTemplate::SpecialTokens out;
  if (!metadata.has(kTokens)) return out;
  const auto pieces = metadata.texts(kTokens);
  for (const auto& [name, key] : kNames) {
    const auto id = metadata.token_id(key);
    if (!id) continue;
    if (static_cast<size_t>(*id) >= pieces.size())
      metadata.refuse(key, "the id of a token, 0 to " + std::to_string(pieces.size()));
    out[name] = pieces[static_cast<size_t>(*id)];
  }
  return out;
}

}  // namespace kvhost
