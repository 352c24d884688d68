// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/sentencepiece_normalizer.hpp"

#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

// The next character or entry of the map and what it becomes; moves `text` behind it.
std::string_view take(const Charsmap& map, std::string_view* text) {
  if (const auto found = map.longest(*text)) {
    text->remove_prefix(found->length);
    return found->text;
  }
  const size_t length = utf8::length_of_lead(static_cast<unsigned char>(text->front()));
  const std::string_view character = text->substr(0, length);
  text->remove_prefix(character.size());
  return character;
}

void append_marked(std::string* out, std::string_view text) {
  for (const char c : text) {
    if (c == ' ') {
      *out += kSpaceMark;
    } else {
      *out += c;
    }
  }
}

}  // namespace

std::string normalize(const SentencePieceRule& rule, std::string_view text, bool prefix) {
  std::string out;
  bool after_space = rule.remove_extra_whitespaces;  // also at the start
  prefix = prefix && !text.empty();
  while (!text.empty()) {
    std::string_view part = take(rule.charsmap, &text);
    while (after_space && part.starts_with(' ')) part.remove_prefix(1);
    if (part.empty()) continue;
    if (prefix) out += kSpaceMark;
    prefix = false;
    append_marked(&out, part);
    after_space = rule.remove_extra_whitespaces && part.ends_with(' ');
  }
  // A text whose characters all vanish: without the removal it still has its space in front.
  if (prefix && !rule.remove_extra_whitespaces) out += kSpaceMark;
  while (rule.remove_extra_whitespaces && out.ends_with(kSpaceMark))
    out.resize(out.size() - kSpaceMark.size());
  return out;
}

}  // namespace kvhost::tok
