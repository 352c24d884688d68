// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding: a word is taken apart into characters and put together again by the merges,
// best rank first.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/byte_pieces.hpp"
#include "tokenizer/merge_table.hpp"
#include "tokenizer/piece_model.hpp"
#include "tokenizer/word_cache.hpp"

namespace kvhost::tok {

class Bpe : public PieceModel {
 public:
  struct Options {
    std::optional<int32_t> unk;
    bool fuse_unk = false, byte_fallback = false, ignore_merges = false;
  };

  explicit Bpe(const JsonNode& node);  // "model" of tokenizer.json
  // `merges`: "left right" in order of rank; messages call their source `origin`.
  Bpe(Vocab vocab,
      const std::vector<std::string>& merges,
      const Options& options,
      const std::string& origin);

  void encode(std::string_view word, std::vector<int32_t>* ids) const override;
  bool may_drop_text(bool byte_level) const override;
  std::string describe(bool byte_level) const override;

 private:
  void load_merges(const JsonNode& node);
  std::string_view add_merge(std::string_view left, std::string_view right);
  void load_bytes();
  std::vector<int32_t> characters(std::string_view word) const;

  MergeTable merges_;
  int32_t n_merges_ = 0;
  std::string merged_;  // what the pair that was added last becomes
  Options options_;
  BytePieces bytes_;
  mutable WordCache cache_;
};

}  // namespace kvhost::tok
