// SPDX-License-Identifier: Apache-2.0
// The parts of a loaded tokenizer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/added_tokens.hpp"
#include "tokenizer/decoder.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/piece_model.hpp"
#include "tokenizer/post_processor.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/tokenizer_file.hpp"

namespace kvhost {

struct Tokenizer::Impl {
  explicit Impl(tok::TokenizerFile file);

  // Null for an id without a piece.
  const std::string* find_piece(int32_t id) const;
  bool special(int32_t id) const { return special_[static_cast<size_t>(id)]; }
  std::optional<int32_t> id_of(std::string_view piece) const;

  std::string name, origin;
  std::vector<std::string> warnings;
  tok::Normalizer normalizer;
  tok::PreTokenizer pre_tokenizer;
  std::unique_ptr<const tok::PieceModel> model;
  tok::AddedTokens added;
  tok::PostProcessor post_processor;
  tok::Decoder decoder;
  std::optional<int32_t> bos, eos;
  std::vector<std::string> pieces;  // by id; "" where an id has none

 private:
  void list_pieces(const tok::JsonNode& root);
  std::optional<int32_t> special_id(const std::string& content, const char* role);

  std::vector<bool> special_;  // by id
};

}  // namespace kvhost
