// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unigram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

// How much worse than the worst piece an unknown character is, as in SentencePiece.
constexpr double kUnknownPenalty = 10;
constexpr double kUnreached = -std::numeric_limits<double>::infinity();

}  // namespace

Unigram::Unigram(const JsonNode& node) {
  const JsonNode vocab = node.at("vocab");
  if (!vocab.value().is_array()) vocab.fail("found no list; expected [[\"piece\", score], ...]");
  for (const auto& row : vocab.value()) {
    if (!row.is_array() || row.size() != 2 || !row[0].is_string() || !row[1].is_number())
      vocab.fail("found " + quoted(json_text(row)) + "; expected [\"piece\", score]",
                 std::string("/").append(std::to_string(pieces_.size())));
    pieces_.push_back(row[0].get<std::string>());
    scores_.push_back(row[1].get<double>());
  }
  byte_fallback_ = node.bool_or("byte_fallback", false);
  if (const auto unk = node.find("unk_id")) {
    const int64_t id = node.integer_or("unk_id", -1);
    if (id < 0 || static_cast<size_t>(id) >= pieces_.size())
      unk->fail("found " + std::to_string(id) + "; expected an id below " +
                std::to_string(pieces_.size()));
    unk_ = static_cast<int32_t>(id);
  }
  const double worst =
      scores_.empty() ? 0 : *std::min_element(scores_.begin(), scores_.end());
  unknown_score_ = worst - kUnknownPenalty;
  finish(std::vector<bool>(pieces_.size(), true));
}

Unigram::Unigram(const TokenizerParts& parts) : pieces_(parts.pieces), unk_(parts.unk) {
  scores_.assign(parts.scores.begin(), parts.scores.end());
  std::vector<bool> usable(pieces_.size(), true);
  double worst = std::numeric_limits<double>::max();
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const int32_t type = parts.types.empty() ? TokenizerParts::kNormal : parts.types[i];
    usable[i] = type == TokenizerParts::kNormal || type == TokenizerParts::kUserDefined;
    byte_fallback_ |= type == TokenizerParts::kByte;
    if (type == TokenizerParts::kNormal) worst = std::min(worst, scores_[i]);
    if (type == TokenizerParts::kUserDefined) scores_[i] = 0;  // taken wherever it stands
  }
  unknown_score_ = worst - kUnknownPenalty;
  finish(usable);
}

void Unigram::finish(const std::vector<bool>& usable) {
  std::vector<std::pair<std::string, int32_t>> entries;
  vocab_.reserve(pieces_.size());
  for (size_t i = 0; i < pieces_.size(); ++i) {
    vocab_.insert_or_assign(pieces_[i], static_cast<int32_t>(i));
    if (usable[i]) entries.emplace_back(pieces_[i], static_cast<int32_t>(i));
  }
  trie_ = PieceTrie(std::move(entries));
  if (byte_fallback_) bytes_ = BytePieces([this](std::string_view piece) { return id(piece); });
}

void Unigram::list(const std::function<void(const std::string&, int32_t)>& each) const {
  for (size_t i = 0; i < pieces_.size(); ++i)
    if (!pieces_[i].empty()) each(pieces_[i], static_cast<int32_t>(i));
}

bool Unigram::may_drop_text(bool) const { return !unk_ && !bytes_.complete(); }

std::string Unigram::describe(bool) const { return "Unigram"; }

// Every piece that begins at `begin`, and the character there when none is just that.
void Unigram::extend(std::string_view word, size_t begin, std::vector<Step>* best) const {
  const double before = (*best)[begin].score;
  const size_t length = utf8::length_of_lead(static_cast<unsigned char>(word[begin]));
  bool known = false;
  const auto offer = [&](size_t end, int32_t id, double score) {
    Step& step = (*best)[end];
    if (before + score > step.score) step = {before + score, begin, id};
  };
  trie_.prefixes(word.substr(begin), [&](size_t n, int32_t id) {
    known = known || n == length;
    offer(begin + n, id, scores_[static_cast<size_t>(id)]);
  });
  if (!known) offer(begin + length, kUnknown, unknown_score_);
}

// As bytes, else unknown, else nothing.
void Unigram::append_unknown(std::string_view text, std::vector<int32_t>* ids) const {
  if (!bytes_.append(text, ids) && unk_) ids->push_back(*unk_);
}

void Unigram::encode(std::string_view word, std::vector<int32_t>* ids) const {
  if (cache_.find(word, ids)) return;
  std::vector<Step> best(word.size() + 1, {kUnreached, 0, kUnknown});
  best[0].score = 0;
  for (size_t pos = 0; pos < word.size();
       pos += utf8::length_of_lead(static_cast<unsigned char>(word[pos]))) {
    constexpr size_t kBytesPerLook = 1 << 12;
    if (pos % kBytesPerLook == 0) throw_if_interrupted();
    extend(word, pos, &best);
  }
  std::vector<std::pair<size_t, size_t>> spans;  // begin, end; from the last to the first
  std::vector<int32_t> taken, out;
  for (size_t end = word.size(); end > 0; end = best[end].begin) {
    const Step& step = best[end];
    const bool unknown = step.id == kUnknown || step.id == unk_;
    if (unknown && !taken.empty() && taken.back() == kUnknown) {
      spans.back().first = step.begin;  // a run of unknown characters is one
      continue;
    }
    spans.emplace_back(step.begin, end);
    taken.push_back(unknown ? kUnknown : step.id);
  }
  for (size_t i = taken.size(); i-- > 0;) {
    if (taken[i] == kUnknown) {
      append_unknown(word.substr(spans[i].first, spans[i].second - spans[i].first), &out);
    } else {
      out.push_back(taken[i]);
    }
  }
  ids->insert(ids->end(), out.begin(), out.end());
  cache_.add(word, std::move(out));
}

}  // namespace kvhost::tok
