// SPDX-License-Identifier: Apache-2.0
// Finds the files of a tokenizer and gives them one shape: that of tokenizer.json.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/normalizer.hpp"
#include "tokenizer/piece_model.hpp"
#include "tokenizer/tokenizer_parts.hpp"

namespace kvhost::tok {

struct TokenizerFile {
  std::string name;         // what messages call the document
  nlohmann::json document;  // as tokenizer.json
  std::string bos, eos;     // "" when the files name none
  std::string origin;       // "tokenizer.json", "vocab.json + merges.txt as Qwen2 (by ...)"
  std::vector<std::string> warnings;
  // Where the source has another shape than tokenizer.json these stand for parts of the document.
  std::unique_ptr<PieceModel> model;
  std::optional<Normalizer> normalizer;
};

// A folder, or a file in one: tokenizer.json, vocab.json with merges.txt beside it,
// tokenizer.model, tekken.json.
TokenizerFile read_tokenizer(const std::filesystem::path& path);

// Whether a folder has one.
bool has_tokenizer(const std::filesystem::path& folder);

TokenizerFile from_tekken(const std::filesystem::path& path);

// The document for vocab.json + merges.txt. `config` is tokenizer_config.json and `model_config`
// config.json, or null.
TokenizerFile from_vocab_and_merges(const std::filesystem::path& folder,
                                    const nlohmann::json& config,
                                    const nlohmann::json& model_config);

// The document for a tokenizer that comes as lists. Throws Error(CannotLoad) with their origin.
TokenizerFile from_parts(const TokenizerParts& parts);

}  // namespace kvhost::tok
