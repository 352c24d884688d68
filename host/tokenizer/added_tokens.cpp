// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.hpp"

#include "base/interrupt.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

bool ends_in_word(std::string_view text) {
  if (text.empty()) return false;
  size_t pos = utf8::previous(text, text.size());
  return unicode::is_word(utf8::next(text, pos));
}

bool begins_with_word(std::string_view text) {
  size_t pos = 0;
  return !text.empty() && unicode::is_word(utf8::next(text, pos));
}

// Not before `done`.
size_t spaces_begin(std::string_view text, size_t done, size_t end) {
  while (end > done) {
    const size_t start = utf8::previous(text, end);
    size_t pos = start;
    if (!unicode::is_whitespace(utf8::next(text, pos))) break;
    end = start;
  }
  return end;
}

constexpr size_t kBytesPerLook = 1 << 14;  // bytes between two looks for Ctrl-C

size_t spaces_end(std::string_view text, size_t begin) {
  for (size_t pos = begin; begin < text.size(); begin = pos)
    if (!unicode::is_whitespace(utf8::next(text, pos))) break;
  return begin;
}

}  // namespace

AddedToken load_added_token(const JsonNode& node, int64_t id) {
  if (id < -1 || id > kLargestId)
    node.fail("id " + std::to_string(id) + " found; expected " + kTokenIds);
  const bool special = node.bool_or("special", false);
  AddedToken token{static_cast<int32_t>(id),
                   node.at("content").as_string(),
                   special,
                   node.bool_or("lstrip", false),
                   node.bool_or("rstrip", false),
                   node.bool_or("single_word", false),
                   node.bool_or("normalized", !special)};
  if (token.content.empty()) node.fail("found an empty token; expected some text", "/content");
  return token;
}

void TokenFinder::add(const AddedToken& token, const std::string& spelling) {
  if (spelling.empty()) return;
  size_t node = 0;
  for (const char c : spelling) {
    auto [it, is_new] = nodes_[node].next.try_emplace(c, static_cast<int>(nodes_.size()));
    node = static_cast<size_t>(it->second);
    if (is_new) nodes_.emplace_back();
  }
  if (nodes_[node].token < 0) nodes_[node].token = static_cast<int>(tokens_.size());
  tokens_.push_back(token);
}

// Index of the longest token that starts at `pos`, or -1.
int TokenFinder::longest_at(std::string_view text, size_t pos, size_t* end) const {
  int found = -1;
  size_t node = 0;
  while (pos < text.size()) {
    const auto it = nodes_[node].next.find(text[pos++]);
    if (it == nodes_[node].next.end()) break;
    node = static_cast<size_t>(it->second);
    if (nodes_[node].token < 0) continue;
    found = nodes_[node].token;
    *end = pos;
  }
  return found;
}

std::vector<Section> TokenFinder::find(std::string_view text) const {
  std::vector<Section> out;
  size_t done = 0;
  size_t run_begin = 0, run_end = 0;  // spaces that were walked over already
  for (size_t pos = 0; pos < text.size() && !tokens_.empty();) {
    if (pos % kBytesPerLook == 0) throw_if_interrupted();
    size_t end = 0;
    const int index = longest_at(text, pos, &end);
    if (index < 0) {
      ++pos;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    size_t begin = pos;
    pos = end;  // the search goes on behind the token even when it is not taken
    if (token.single_word &&
        (ends_in_word(text.substr(0, begin)) || begins_with_word(text.substr(end))))
      continue;
    if (token.lstrip) begin = begin > done ? spaces_begin(text, done, begin) : done;
    if (token.rstrip) {
      if (end < run_begin || end > run_end) run_begin = end, run_end = spaces_end(text, end);
      end = run_end;
    }
    if (done < begin) out.push_back({-1, done, begin});
    out.push_back({token.id, begin, end});
    done = end;
  }
  if (done < text.size()) out.push_back({-1, done, text.size()});
  return out;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer)
    : tokens_(std::move(tokens)) {
  for (const AddedToken& t : tokens_) {
    if (t.normalized) {
      normalized_.add(t, normalizer.apply(t.content));
    } else {
      raw_.add(t, t.content);
    }
  }
}

void AddedTokens::split(std::string_view text,
                        const Normalizer& normalizer,
                        const OnToken& on_token,
                        const OnText& on_text) const {
  for (const Section& s : raw_.find(text)) {
    if (s.id >= 0) {
      on_token(s.id);
      continue;
    }
    const std::string part =
        normalizer.apply(std::string(text.substr(s.begin, s.end - s.begin)), s.begin == 0);
    for (const Section& n : normalized_.find(part)) {
      if (n.id >= 0) {
        on_token(n.id);
      } else {
        on_text(part.substr(n.begin, n.end - n.begin), s.begin == 0 && n.begin == 0);
      }
    }
  }
}

}  // namespace kvhost::tok
