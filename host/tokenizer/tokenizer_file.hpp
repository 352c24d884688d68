// SPDX-License-Identifier: Apache-2.0
// Finds the files of a tokenizer and gives them one shape: that of tokenizer.json.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kvhost::tok {

struct TokenizerFile {
  std::string name;         // what messages call the document
  nlohmann::json document;  // as tokenizer.json
  std::string bos, eos;     // "" when the files name none
  std::string origin;       // "tokenizer.json", "vocab.json + merges.txt as Qwen2 (by ...)"
  std::vector<std::string> warnings;
};

// A folder, a tokenizer.json, or a vocab.json with merges.txt beside it.
TokenizerFile read_tokenizer(const std::filesystem::path& path);

// The document for vocab.json + merges.txt. `config` is tokenizer_config.json and `model_config`
// config.json, or null.
TokenizerFile from_vocab_and_merges(const std::filesystem::path& folder,
                                    const nlohmann::json& config,
                                    const nlohmann::json& model_config);

}  // namespace kvhost::tok
