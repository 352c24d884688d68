// SPDX-License-Identifier: Apache-2.0
// Cuts the text into words; the model never merges across their borders.
#pragma once

#include <functional>
#include <vector>

#include "tokenizer/json_node.hpp"
#include "tokenizer/splitter.hpp"

namespace kvhost::tok {

class PreTokenizer {
 public:
  PreTokenizer() = default;  // the text stays one piece
  explicit PreTokenizer(const JsonNode& node);

  void apply(std::vector<Piece>* pieces) const;
  // Whether the pieces are spelled in byte-level characters at the end.
  bool byte_level() const { return byte_level_; }

 private:
  using Step = std::function<void(std::vector<Piece>*)>;
  void add(const JsonNode& node);
  void add_byte_level(const JsonNode& node);
  void add_split(const JsonNode& node);
  void add_metaspace(const JsonNode& node);

  std::vector<Step> steps_;
  bool byte_level_ = false;
};

// "always", "first" or "never"; older files say it with a flag.
std::string load_prepend_scheme(const JsonNode& node);

}  // namespace kvhost::tok
