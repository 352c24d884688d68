// SPDX-License-Identifier: Apache-2.0
// SentencePiece's compiled replacements of characters ("precompiled_charsmap"): a trie in a double
// array, and the texts its entries are replaced by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost::tok {

class Charsmap {
 public:
  Charsmap() = default;  // replaces nothing
  // The blob as tokenizer.model and GGUF hold it; a message in `fault` when it is malformed.
  static std::optional<Charsmap> read(std::string_view blob, std::string* fault);

  struct Found {
    size_t length;  // bytes of the text that are replaced
    std::string_view text;
  };
  // The longest entry that `text` begins with, or the shortest.
  std::optional<Found> longest(std::string_view text) const;
  std::optional<Found> shortest(std::string_view text) const;

  bool empty() const { return units_.empty(); }

 private:
  std::optional<Found> find(std::string_view text, bool longest) const;

  std::vector<uint32_t> units_;
  std::string replacements_;  // each ends in a NUL
};

}  // namespace kvhost::tok
