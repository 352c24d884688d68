// SPDX-License-Identifier: Apache-2.0
// Unigram: of all ways to cut a word in pieces, the one whose scores sum up highest.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/byte_pieces.hpp"
#include "tokenizer/piece_model.hpp"
#include "tokenizer/piece_trie.hpp"
#include "tokenizer/tokenizer_parts.hpp"
#include "tokenizer/word_cache.hpp"

namespace kvhost::tok {

class Unigram : public PieceModel {
 public:
  explicit Unigram(const JsonNode& node);         // "model" of tokenizer.json
  explicit Unigram(const TokenizerParts& parts);  // checked ones: as many scores as pieces

  void encode(std::string_view word, std::vector<int32_t>* ids) const override;
  bool may_drop_text(bool byte_level) const override;
  std::string describe(bool byte_level) const override;
  void list(const std::function<void(const std::string&, int32_t)>& each) const override;
  size_t vocab_size() const override { return pieces_.size(); }

 private:
  // The best way to cut the text that ends at a place: its last piece begins at `begin`.
  struct Step {
    double score;
    size_t begin;
    int32_t id;  // kUnknown: a character that is no piece
  };
  static constexpr int32_t kUnknown = -1;

  void finish(const std::vector<bool>& usable);
  void extend(std::string_view word, size_t begin, std::vector<Step>* best) const;
  void append_unknown(std::string_view text, std::vector<int32_t>* ids) const;

  std::vector<std::string> pieces_;
  std::vector<double> scores_;
  PieceTrie trie_;
  BytePieces bytes_;  // none without byte fallback
  bool byte_fallback_ = false;
  std::optional<int32_t> unk_;
  double unknown_score_ = 0;
  mutable WordCache cache_;
};

}  // namespace kvhost::tok
