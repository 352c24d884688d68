// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding: a word is taken apart into characters and put together again by the merges,
// best rank first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/json_node.hpp"
#include "tokenizer/merge_table.hpp"

namespace kvhost::tok {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Vocab = std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>>;

class Bpe {
 public:
  explicit Bpe(const JsonNode& node);  // "model" of tokenizer.json
  ~Bpe();
  Bpe(Bpe&&) noexcept;

  // Appends the ids of one word. Concurrent calls are allowed.
  void encode(std::string_view word, std::vector<int32_t>* ids) const;

  const Vocab& vocab() const { return vocab_; }
  std::optional<int32_t> id(std::string_view piece) const;
  // Whether some text could be dropped: a character neither in the vocabulary nor covered by bytes
  // or an unknown token.
  bool may_drop_text(bool byte_level) const;

 private:
  class Cache;
  void load_merges(const JsonNode& node);
  void load_byte_pieces();
  std::vector<int32_t> characters(std::string_view word) const;
  bool append_bytes(std::string_view character, std::vector<int32_t>* ids) const;

  Vocab vocab_;
  MergeTable merges_;
  std::optional<int32_t> unk_;
  bool fuse_unk_ = false, byte_fallback_ = false, ignore_merges_ = false;
  std::vector<int32_t> byte_ids_;  // <0x00> ... <0xFF>, -1 where the vocabulary has none
  std::unique_ptr<Cache> cache_;
};

}  // namespace kvhost::tok
