// SPDX-License-Identifier: Apache-2.0
// SentencePiece's BPE: no list of merges; of all neighbours whose joint text is a piece, those whose
// piece scores highest are joined first, the leftmost among equals.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/byte_pieces.hpp"
#include "tokenizer/merge_table.hpp"
#include "tokenizer/piece_model.hpp"
#include "tokenizer/tokenizer_parts.hpp"
#include "tokenizer/word_cache.hpp"

namespace kvhost::tok {

class ScoreBpe : public PieceModel {
 public:
  // `parts`: checked ones, with as many scores as pieces. `whole_words`: a word that is a piece is
  // not put together, as in tiktoken.
  explicit ScoreBpe(const TokenizerParts& parts, bool whole_words = false);

  void encode(std::string_view word, std::vector<int32_t>* ids) const override;
  bool may_drop_text(bool byte_level) const override;
  std::string describe(bool byte_level) const override;
  void list(const std::function<void(const std::string&, int32_t)>& each) const override;
  size_t vocab_size() const override { return pieces_.size(); }

 private:
  void number_symbols(const TokenizerParts& parts);
  void make_merges(const TokenizerParts& parts);
  void append_unknown(std::string_view character, std::vector<int32_t>* ids) const;

  std::vector<std::string> pieces_;
  // Pieces that merge, and characters that are no piece but a part of some: these are numbered
  // behind the pieces.
  Vocab symbols_;
  std::vector<std::string> characters_;
  MergeTable merges_;
  BytePieces bytes_;
  std::optional<int32_t> unk_;
  bool whole_words_;
  mutable WordCache cache_;
};

}  // namespace kvhost::tok
