// SPDX-License-Identifier: Apache-2.0
// What turns a word into ids: BPE by merges, BPE by scores, Unigram.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/json_node.hpp"

namespace kvhost::tok {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Vocab = std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>>;

class PieceModel {
 public:
  virtual ~PieceModel() = default;

  // Appends the ids of one word. Concurrent calls are allowed.
  virtual void encode(std::string_view word, std::vector<int32_t>* ids) const = 0;
  // Whether some text could be lost: a character neither in the vocabulary nor covered by bytes or
  // an unknown token.
  virtual bool may_drop_text(bool byte_level) const = 0;
  virtual std::string describe(bool byte_level) const = 0;
  // Every piece and its id; an id may come twice, and a piece too.
  virtual void list(const std::function<void(const std::string&, int32_t)>& each) const;

  std::optional<int32_t> id(std::string_view piece) const;
  // Where the numbers of added tokens begin.
  virtual size_t vocab_size() const { return vocab_.size(); }

 protected:
  // Whether the vocabulary has the character of every byte that UTF-8 can hold.
  bool has_byte_characters() const;

  Vocab vocab_;
};

// "model" of tokenizer.json.
std::unique_ptr<PieceModel> load_piece_model(const JsonNode& node);

}  // namespace kvhost::tok
