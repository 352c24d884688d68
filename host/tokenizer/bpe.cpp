// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.hpp"

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "tokenizer/byte_level.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

constexpr size_t kLongestCachedWord = 128;
constexpr size_t kCachedWords = 1 << 16;

Vocab load_vocab(const JsonNode& node) {
  if (!node.value().is_object()) node.fail("found no object; expected {\"piece\": id, ...}");
  Vocab vocab;
  vocab.reserve(node.value().size());
  for (const auto& [piece, id] : node.value().items()) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX)
      node.fail("piece '" + piece + "' has id " + id.dump() + "; expected an integer from 0 on");
    vocab.emplace(piece, id.get<int32_t>());
  }
  return vocab;
}

void refuse_options(const JsonNode& node) {
  const auto dropout = node.find("dropout");
  if (dropout && dropout->value() != 0)
    dropout->fail("found " + dropout->value().dump() + "; expected null (dropout is for training)");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const std::string found = node.string_or(key, ""); !found.empty())
      node.fail("found '" + found +
                    "'; expected null: only byte-level and SentencePiece-style BPE are supported",
                std::string("/").append(key));
}

// One entry of "merges", "a b" or ["a", "b"]; false when it is neither.
bool read_pair(const nlohmann::json& entry, std::string_view* left, std::string_view* right) {
  if (entry.is_array()) {
    if (entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string()) return false;
    *left = entry[0].get_ref<const std::string&>();
    *right = entry[1].get_ref<const std::string&>();
    return true;
  }
  if (!entry.is_string()) return false;
  const std::string_view line = entry.get_ref<const std::string&>();
  const size_t space = line.find(' ');
  if (space == line.npos || line.find(' ', space + 1) != line.npos) return false;
  *left = line.substr(0, space);
  *right = line.substr(space + 1);
  return true;
}

}  // namespace

// Words seen lately and their ids. A text repeats most of its words.
class Bpe::Cache {
 public:
  bool find(std::string_view word, std::vector<int32_t>* ids) {
    const std::lock_guard lock(mutex_);
    const auto it = words_.find(word);
    if (it == words_.end()) return false;
    ids->insert(ids->end(), it->second.begin(), it->second.end());
    return true;
  }

  void add(std::string_view word, std::vector<int32_t> ids) {
    const std::lock_guard lock(mutex_);
    if (words_.size() >= kCachedWords) words_.clear();
    words_.emplace(word, std::move(ids));
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<int32_t>, StringHash, std::equal_to<>> words_;
};

Bpe::Bpe(const JsonNode& node)
    : vocab_(load_vocab(node.at("vocab"))), cache_(std::make_unique<Cache>()) {
  refuse_options(node);
  fuse_unk_ = node.bool_or("fuse_unk", false);
  byte_fallback_ = node.bool_or("byte_fallback", false);
  ignore_merges_ = node.bool_or("ignore_merges", false);
  if (const auto unk = node.find("unk_token")) {
    unk_ = id(unk->as_string());
    if (!unk_)
      unk->fail("'" + unk->as_string() + "' is not in the vocabulary; expected a piece of it");
  }
  load_merges(node.at("merges"));
  load_byte_pieces();
}

Bpe::~Bpe() = default;
Bpe::Bpe(Bpe&&) noexcept = default;

void Bpe::load_merges(const JsonNode& node) {
  if (!node.value().is_array()) node.fail("found no list; expected the merges in order of rank");
  merges_.reserve(node.value().size());
  int32_t rank = 0;
  std::string merged;
  for (const auto& entry : node.value()) {
    const auto fail = [&](const std::string& what) {
      node.fail(what, std::string("/").append(std::to_string(rank)));
    };
    std::string_view left, right;
    if (!read_pair(entry, &left, &right))
      fail("found " + entry.dump() + "; expected \"a b\" or [\"a\", \"b\"]");
    merged.assign(left).append(right);
    const auto known = [&](std::string_view piece) {
      const auto found = vocab_.find(piece);
      if (found == vocab_.end())
        fail("merge " + entry.dump() + " names '" + std::string(piece) +
             "'; expected pieces of the vocabulary");
      return found->second;
    };
    const int32_t left_id = known(left), right_id = known(right);
    merges_.add(left_id, right_id, {rank, known(merged)});
    ++rank;
  }
}

void Bpe::load_byte_pieces() {
  if (!byte_fallback_) return;
  for (int b = 0; b < 256; ++b) {
    char piece[8];
    std::snprintf(piece, sizeof piece, "<0x%02X>", b);
    byte_ids_.push_back(id(piece).value_or(-1));
  }
}

std::optional<int32_t> Bpe::id(std::string_view piece) const {
  const auto it = vocab_.find(piece);
  if (it == vocab_.end()) return std::nullopt;
  return it->second;
}

bool Bpe::may_drop_text(bool byte_level) const {
  if (unk_) return false;
  if (byte_fallback_) return std::find(byte_ids_.begin(), byte_ids_.end(), -1) != byte_ids_.end();
  if (!byte_level) return true;
  const auto& characters = byte_characters();
  return !std::all_of(
      characters.begin(), characters.end(), [&](const auto& c) { return id(c).has_value(); });
}

// All bytes of the character as <0x..> pieces, or false.
bool Bpe::append_bytes(std::string_view character, std::vector<int32_t>* ids) const {
  if (!byte_fallback_) return false;
  const auto piece = [&](char b) { return byte_ids_[static_cast<unsigned char>(b)]; };
  if (std::any_of(character.begin(), character.end(), [&](char b) { return piece(b) < 0; }))
    return false;
  for (const char b : character) ids->push_back(piece(b));
  return true;
}

// The word's characters as ids: in the vocabulary, else as bytes, else unknown, else nothing.
std::vector<int32_t> Bpe::characters(std::string_view word) const {
  std::vector<int32_t> ids;
  ids.reserve(word.size());
  bool unknown = false;  // an unknown character waits: with fuse_unk its neighbours join it
  for (size_t pos = 0; pos < word.size();) {
    const size_t length = utf8::length_of_lead(static_cast<unsigned char>(word[pos]));
    const std::string_view character = word.substr(pos, length);
    pos += length;
    if (const auto known = vocab_.find(character); known != vocab_.end()) {
      if (unknown) ids.push_back(*unk_);
      unknown = false;
      ids.push_back(known->second);
    } else if (!append_bytes(character, &ids) && unk_) {
      if (unknown && !fuse_unk_) ids.push_back(*unk_);
      unknown = true;
    }
  }
  if (unknown) ids.push_back(*unk_);
  return ids;
}

void Bpe::encode(std::string_view word, std::vector<int32_t>* ids) const {
  const bool cached = word.size() <= kLongestCachedWord;
  if (cached && cache_->find(word, ids)) return;
  std::vector<int32_t> parts;
  const auto whole = ignore_merges_ ? id(word) : std::nullopt;
  if (whole) {
    parts.push_back(*whole);
  } else {
    parts = characters(word);
    merges_.apply(&parts);
  }
  ids->insert(ids->end(), parts.begin(), parts.end());
  if (cached) cache_->add(word, std::move(parts));
}

}  // namespace kvhost::tok
