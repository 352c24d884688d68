// SPDX-License-Identifier: Apache-2.0
// Tokens that are found in the text before anything else looks at it: special tokens, and others a
// file lists.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/json_node.hpp"
#include "tokenizer/normalizer.hpp"

namespace kvhost::tok {

struct AddedToken {
  int32_t id;
  std::string content;
  bool special, lstrip, rstrip, single_word;
  bool normalized;  // looked for in the normalised text
};

// `id`: -1 where none is listed.
AddedToken load_added_token(const JsonNode& node, int64_t id);

// A part of the text: a token, or text (id < 0).
struct Section {
  int32_t id;
  size_t begin, end;  // bytes
};

// Finds a set of tokens, the leftmost and of those the longest first.
class TokenFinder {
 public:
  // `spelling` is what stands for the token in the text that is searched.
  void add(const AddedToken& token, const std::string& spelling);
  std::vector<Section> find(std::string_view text) const;

 private:
  struct Node {
    std::map<char, int> next;
    int token = -1;
  };
  int longest_at(std::string_view text, size_t pos, size_t* end) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_ = std::vector<Node>(1);
};

class AddedTokens {
 public:
  AddedTokens() = default;
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer);

  // The sections of a text; text sections are normalised, and say whether they begin where the text
  // does.
  using OnToken = std::function<void(int32_t id)>;
  using OnText = std::function<void(std::string text, bool first)>;
  void split(std::string_view text,
             const Normalizer& normalizer,
             const OnToken& on_token,
             const OnText& on_text) const;

  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  std::vector<AddedToken> tokens_;
  TokenFinder raw_, normalized_;
};

}  // namespace kvhost::tok
