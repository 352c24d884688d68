// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.hpp"

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

Vocab load_vocab(const JsonNode& node) {
  if (!node.value().is_object()) node.fail("found no object; expected {\"piece\": id, ...}");
  Vocab vocab;
  vocab.reserve(node.value().size());
  for (const auto& [piece, id] : node.value().items()) {
    const auto number = token_id(id);
    if (!number)
      node.fail("piece '" + piece + "' has id " + quoted(json_text(id)) + "; expected " + kTokenIds);
    vocab.emplace(piece, *number);
  }
  return vocab;
}

void refuse_options(const JsonNode& node) {
  const auto dropout = node.find("dropout");
  if (dropout && dropout->value() != 0)
    dropout->fail("found " + quoted(json_text(dropout->value())) + "; expected null (dropout is for training)");
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

Bpe::Bpe(const JsonNode& node) {
  vocab_ = load_vocab(node.at("vocab"));
  refuse_options(node);
  options_.fuse_unk = node.bool_or("fuse_unk", false);
  options_.byte_fallback = node.bool_or("byte_fallback", false);
  options_.ignore_merges = node.bool_or("ignore_merges", false);
  // One that the vocabulary lacks is as good as none until a character is unknown.
  if (const auto unk = node.find("unk_token")) options_.unk = id(unk->as_string());
  load_merges(node.at("merges"));
  load_bytes();
}

Bpe::Bpe(Vocab vocab,
         const std::vector<std::string>& merges,
         const Options& options,
         const std::string& origin)
    : options_(options) {
  vocab_ = std::move(vocab);
  merges_.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    // A piece may begin with a space where the text is not spelled byte by byte.
    const std::string_view line = merges[i];
    const size_t space = line.find(' ', 1);
    if (space == line.npos)
      cannot_load(origin,
                  "merge " + std::to_string(i) + " is '" + merges[i] +
                      "'; expected two pieces and a space");
    const std::string_view unknown = add_merge(line.substr(0, space), line.substr(space + 1));
    if (!unknown.empty())
      cannot_load(origin,
                  "merge " + std::to_string(i) + ", '" + merges[i] + "', names '" +
                      std::string(unknown) + "'; expected pieces of the vocabulary");
  }
  load_bytes();
}

void Bpe::load_bytes() {
  if (options_.byte_fallback)
    bytes_ = BytePieces([this](std::string_view piece) { return id(piece); });
}

// Gives the pair the next rank; what the vocabulary lacks of it, "" when nothing.
std::string_view Bpe::add_merge(std::string_view left, std::string_view right) {
  merged_.assign(left).append(right);
  int32_t ids[3];
  const std::string_view names[3] = {left, right, merged_};
  for (int k = 0; k < 3; ++k) {
    const auto found = vocab_.find(names[k]);
    if (found == vocab_.end()) return names[k];
    ids[k] = found->second;
  }
  merges_.add(ids[0], ids[1], {n_merges_++, ids[2]});
  return {};
}

void Bpe::load_merges(const JsonNode& node) {
  if (!node.value().is_array()) node.fail("found no list; expected the merges in order of rank");
  merges_.reserve(node.value().size());
  for (const auto& entry : node.value()) {
    const auto fail = [&](const std::string& what) {
      node.fail(what, std::string("/").append(std::to_string(n_merges_)));
    };
    std::string_view left, right;
    if (!read_pair(entry, &left, &right))
      fail("found " + quoted(json_text(entry)) + "; expected \"a b\" or [\"a\", \"b\"]");
    if (const std::string_view unknown = add_merge(left, right); !unknown.empty())
      fail("merge " + quoted(json_text(entry)) + " names '" + std::string(unknown) +
           "'; expected pieces of the vocabulary");
  }
}

bool Bpe::may_drop_text(bool byte_level) const {
  if (options_.unk || bytes_.complete()) return false;
  return !byte_level || !has_byte_characters();
}

std::string Bpe::describe(bool byte_level) const {
  return byte_level ? "byte-level BPE" : "character BPE";
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
      if (unknown) ids.push_back(*options_.unk);
      unknown = false;
      ids.push_back(known->second);
    } else if (!bytes_.append(character, &ids) && options_.unk) {
      if (unknown && !options_.fuse_unk) ids.push_back(*options_.unk);
      unknown = true;
    }
  }
  if (unknown) ids.push_back(*options_.unk);
  return ids;
}

void Bpe::encode(std::string_view word, std::vector<int32_t>* ids) const {
  if (cache_.find(word, ids)) return;
  std::vector<int32_t> parts;
  if (const auto whole = options_.ignore_merges ? id(word) : std::nullopt) {
    parts.push_back(*whole);
  } else {
    parts = characters(word);
    merges_.apply(&parts);
  }
  ids->insert(ids->end(), parts.begin(), parts.end());
  cache_.add(word, std::move(parts));
}

}  // namespace kvhost::tok
