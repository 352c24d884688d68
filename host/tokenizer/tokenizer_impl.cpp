// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_impl.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"

namespace kvhost {

using tok::AddedToken;
using tok::JsonNode;

namespace {

constexpr size_t kMostIds = 1 << 24;  // far above any vocabulary: a wrong id takes no memory

template <typename Part>
Part load_part(const JsonNode& root, const char* key) {
  const auto node = root.find(key);
  return node ? Part(*node) : Part();
}

// The ids that a file lists are not taken at their word: a token that is a piece has the piece's
// id, any other the next that is free, as the reference library has it.
std::vector<AddedToken> load_added_tokens(const JsonNode& root,
                                          const tok::PieceModel& model,
                                          std::vector<std::string>* warnings) {
  std::vector<AddedToken> tokens;
  const auto list = root.find("added_tokens");
  if (!list) return tokens;
  std::map<std::string, size_t> seen;
  auto next = static_cast<int32_t>(model.vocab_size());
  for (const JsonNode& node : list->items()) {
    AddedToken token = load_added_token(node, node.integer_or("id", -1));
    const auto known = model.id(token.content);
    const auto earlier = seen.find(token.content);
    const int32_t id = earlier != seen.end() ? tokens[earlier->second].id : known.value_or(next);
    if (token.id >= 0 && id != token.id)
      warnings->push_back(root.file() + ": the added token '" + token.content +
                          "' is listed with id " + std::to_string(token.id) + " but has id " +
                          std::to_string(id));
    token.id = id;
    if (earlier != seen.end()) {
      // The last listing says how it is found; once special it stays so.
      token.special = token.special || tokens[earlier->second].special;
      tokens[earlier->second] = std::move(token);
      continue;
    }
    next = std::max(next, id + 1);
    seen.emplace(token.content, tokens.size());
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::unique_ptr<const tok::PieceModel> take_model(tok::TokenizerFile* file) {
  if (file->model) return std::move(file->model);
  return tok::load_piece_model(JsonNode(file->document, file->name).at("model"));
}

tok::Normalizer take_normalizer(tok::TokenizerFile* file) {
  if (file->normalizer) return std::move(*file->normalizer);
  return load_part<tok::Normalizer>(JsonNode(file->document, file->name), "normalizer");
}

}  // namespace

Tokenizer::Impl::Impl(tok::TokenizerFile file)
    : name(file.name),
      origin(file.origin),
      warnings(file.warnings),
      normalizer(take_normalizer(&file)),
      pre_tokenizer(
          load_part<tok::PreTokenizer>(JsonNode(file.document, file.name), "pre_tokenizer")),
      model(take_model(&file)),
      added(load_added_tokens(JsonNode(file.document, file.name), *model, &warnings), normalizer),
      decoder(load_part<tok::Decoder>(JsonNode(file.document, file.name), "decoder")) {
  const JsonNode root(file.document, file.name);
  list_pieces(root);
  if (const auto node = root.find("post_processor"))
    post_processor =
        tok::PostProcessor(*node, [this](const std::string& token) { return id_of(token); });
  bos = special_id(file.bos, "bos_token");
  eos = special_id(file.eos, "eos_token");
  if (model->may_drop_text(pre_tokenizer.byte_level()))
    warnings.push_back(
        name +
        ": characters outside the vocabulary are dropped (it has neither all bytes nor unk_token)");
}

// Ids may have gaps; an id that has two pieces is a fault of the file.
void Tokenizer::Impl::list_pieces(const JsonNode& root) {
  const auto place = [&](const std::string& piece, int32_t id) -> std::string& {
    const auto i = static_cast<size_t>(id);
    if (i >= kMostIds)
      cannot_load(name,
                  "'" + piece + "' has id " + std::to_string(id) + "; expected one below " +
                      std::to_string(kMostIds));
    if (i >= pieces.size()) pieces.resize(i + 1);
    return pieces[i];
  };
  model->list([&](const std::string& piece, int32_t id) {
    std::string& entry = place(piece, id);
    if (!entry.empty())
      root.at("model").at("vocab").fail("'" + piece + "' and '" + entry + "' share id " +
                                        std::to_string(id) + "; expected one piece per id");
    entry = piece;
  });
  for (const AddedToken& t : added.tokens()) place(t.content, t.id) = t.content;
  special_.resize(pieces.size());
  for (const AddedToken& t : added.tokens()) special_[static_cast<size_t>(t.id)] = t.special;
}

std::optional<int32_t> Tokenizer::Impl::id_of(std::string_view piece) const {
  for (const AddedToken& t : added.tokens())
    if (t.content == piece) return t.id;
  return model->id(piece);
}

std::optional<int32_t> Tokenizer::Impl::special_id(const std::string& content, const char* role) {
  if (content.empty()) return std::nullopt;
  const auto id = id_of(content);
  if (!id) warnings.push_back(name + ": " + role + " '" + content + "' is not in the vocabulary");
  return id;
}

const std::string* Tokenizer::Impl::find_piece(int32_t id) const {
  const auto i = static_cast<size_t>(id);
  return id < 0 || i >= pieces.size() || pieces[i].empty() ? nullptr : &pieces[i];
}

}  // namespace kvhost
