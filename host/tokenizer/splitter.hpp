// SPDX-License-Identifier: Apache-2.0
// What becomes of the matches when a text is split.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/json_node.hpp"
#include "tokenizer/regex.hpp"

namespace kvhost::tok {

// A part of the text on its way to the model.
struct Piece {
  std::string text;
  bool first;  // it begins where the whole text begins
};

enum class Behavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

Behavior load_behavior(const JsonNode& node);

// Turns what was found into what stays; `match` has no meaning afterwards.
void arrange(Behavior behavior, std::vector<Span>* spans);

// Splits every piece; `find` fills in the spans of a text. Empty parts are dropped.
using Finder = std::function<void(std::string_view, std::vector<Span>*)>;
void split(std::vector<Piece>* pieces, const Finder& find, Behavior behavior);

// Matches single characters: one span each, the text between as one span.
Finder find_characters(bool (*wanted)(char32_t));

}  // namespace kvhost::tok
