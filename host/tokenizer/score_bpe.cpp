// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/score_bpe.hpp"

#include <algorithm>
#include <functional>

#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

int32_t type_of(const TokenizerParts& parts, size_t id) {
  return parts.types.empty() ? TokenizerParts::kNormal : parts.types[id];
}

// Control tokens, the unknown token and bytes are no results of merging.
bool merges(int32_t type) {
  return type != TokenizerParts::kUnknown && type != TokenizerParts::kControl &&
         type != TokenizerParts::kByte;
}

std::string_view character_at(std::string_view text, size_t pos) {
  return text.substr(pos, utf8::length_of_lead(static_cast<unsigned char>(text[pos])));
}

}  // namespace

ScoreBpe::ScoreBpe(const TokenizerParts& parts, bool whole_words)
    : pieces_(parts.pieces), unk_(parts.unk), whole_words_(whole_words) {
  vocab_.reserve(pieces_.size());
  for (size_t i = 0; i < pieces_.size(); ++i)
    if (!pieces_[i].empty()) vocab_.emplace(pieces_[i], static_cast<int32_t>(i));
  bytes_ = BytePieces([this](std::string_view piece) { return id(piece); });
  number_symbols(parts);
  make_merges(parts);
}

void ScoreBpe::number_symbols(const TokenizerParts& parts) {
  symbols_.reserve(pieces_.size());
  for (size_t i = 0; i < pieces_.size(); ++i)
    if (!pieces_[i].empty() && merges(type_of(parts, i)))
      symbols_.emplace(pieces_[i], static_cast<int32_t>(i));
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (!merges(type_of(parts, i))) continue;
    for (size_t pos = 0; pos < pieces_[i].size();) {
      const std::string_view character = character_at(pieces_[i], pos);
      pos += character.size();
      const auto number = static_cast<int32_t>(pieces_.size() + characters_.size());
      if (symbols_.try_emplace(std::string(character), number).second)
        characters_.emplace_back(character);
    }
  }
}

// Every way to cut a piece in two symbols is a merge; equal scores have equal ranks.
void ScoreBpe::make_merges(const TokenizerParts& parts) {
  struct Row {
    int32_t left, right, id;
    float score;
  };
  std::vector<Row> rows;
  for (const auto& [piece, id] : symbols_) {
    if (static_cast<size_t>(id) >= pieces_.size()) continue;
    const std::string_view text = piece;
    for (size_t cut = character_at(text, 0).size(); cut < text.size();
         cut += character_at(text, cut).size()) {
      const auto left = symbols_.find(text.substr(0, cut)), right = symbols_.find(text.substr(cut));
      if (left != symbols_.end() && right != symbols_.end())
        rows.push_back({left->second, right->second, id, parts.scores[static_cast<size_t>(id)]});
    }
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.score > b.score; });
  merges_.reserve(rows.size());
  int32_t rank = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].score < rows[i - 1].score) ++rank;
    merges_.add(rows[i].left, rows[i].right, {rank, rows[i].id});
  }
}

void ScoreBpe::list(const std::function<void(const std::string&, int32_t)>& each) const {
  for (size_t i = 0; i < pieces_.size(); ++i)
    if (!pieces_[i].empty()) each(pieces_[i], static_cast<int32_t>(i));
}

bool ScoreBpe::may_drop_text(bool byte_level) const {
  if (unk_ || bytes_.complete()) return false;
  return !byte_level || !has_byte_characters();
}

std::string ScoreBpe::describe(bool byte_level) const {
  return byte_level ? "byte-level BPE" : "SentencePiece BPE";
}

// As bytes, else unknown (a run of these is one), else nothing.
void ScoreBpe::append_unknown(std::string_view character, std::vector<int32_t>* ids) const {
  if (bytes_.append(character, ids) || !unk_) return;
  if (ids->empty() || ids->back() != *unk_) ids->push_back(*unk_);
}

void ScoreBpe::encode(std::string_view word, std::vector<int32_t>* ids) const {
  if (cache_.find(word, ids)) return;
  if (whole_words_)
    if (const auto whole = symbols_.find(word); whole != symbols_.end()) {
      ids->push_back(whole->second);
      return;
    }
  std::vector<int32_t> parts, out;
  parts.reserve(word.size());
  for (size_t pos = 0; pos < word.size();) {
    const std::string_view character = character_at(word, pos);
    pos += character.size();
    const auto symbol = symbols_.find(character);
    if (symbol != symbols_.end()) {
      parts.push_back(symbol->second);
    } else {
      append_unknown(character, &parts);  // merges with nothing
    }
  }
  merges_.apply(&parts);
  for (const int32_t id : parts) {
    const auto i = static_cast<size_t>(id);
    if (i < pieces_.size()) {
      if (id != unk_ || out.empty() || out.back() != id) out.push_back(id);
    } else {
      append_unknown(characters_[i - pieces_.size()], &out);
    }
  }
  ids->insert(ids->end(), out.begin(), out.end());
  cache_.add(word, std::move(out));
}

}  // namespace kvhost::tok
