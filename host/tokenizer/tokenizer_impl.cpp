// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_impl.hpp"

#include <algorithm>

namespace kvhost {

using tok::AddedToken;
using tok::JsonNode;

namespace {

// The model, checked to be one that is supported.
JsonNode model_node(const JsonNode& root) {
  const JsonNode model = root.at("model");
  const auto type = model.find("type");
  if (!type) return model;  // old files have no type: what they hold is BPE if it has merges
  if (type->as_string() != "BPE") model.fail_type({"BPE"});
  return model;
}

template <typename Part>
Part load_part(const JsonNode& root, const char* key) {
  const auto node = root.find(key);
  return node ? Part(*node) : Part();
}

std::vector<AddedToken> load_added_tokens(const JsonNode& root, const tok::Bpe& model) {
  std::vector<AddedToken> tokens;
  const auto list = root.find("added_tokens");
  if (!list) return tokens;
  for (const JsonNode& node : list->items()) {
    AddedToken token = load_added_token(node, node.integer_or("id", -1));
    const auto known = model.id(token.content);
    if (known && *known != token.id)
      node.fail("'" + token.content + "' has id " + std::to_string(token.id) + "; expected " +
                    std::to_string(*known) + " as in the vocabulary",
                "/id");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

Tokenizer::Impl::Impl(const tok::TokenizerFile& file)
    : name(file.name),
      origin(file.origin),
      warnings(file.warnings),
      normalizer(load_part<tok::Normalizer>(JsonNode(file.document, file.name), "normalizer")),
      pre_tokenizer(
          load_part<tok::PreTokenizer>(JsonNode(file.document, file.name), "pre_tokenizer")),
      model(model_node(JsonNode(file.document, file.name))),
      added(load_added_tokens(JsonNode(file.document, file.name), model), normalizer),
      decoder(load_part<tok::Decoder>(JsonNode(file.document, file.name), "decoder")) {
  const JsonNode root(file.document, file.name);
  list_pieces(root);
  if (const auto node = root.find("post_processor"))
    post_processor = tok::PostProcessor(*node, static_cast<int32_t>(pieces.size()));
  bos = special_id(file.bos, "bos_token");
  eos = special_id(file.eos, "eos_token");
  if (model.may_drop_text(pre_tokenizer.byte_level()))
    warnings.push_back(
        name +
        ": characters outside the vocabulary are dropped (it has neither all bytes nor unk_token)");
}

// Every id from 0 on must have exactly one piece.
void Tokenizer::Impl::list_pieces(const JsonNode& root) {
  const JsonNode vocab = root.at("model").at("vocab");
  size_t extra = 0;
  for (const AddedToken& t : added.tokens()) extra += model.id(t.content) ? 0 : 1;
  pieces.resize(model.vocab().size() + extra);
  std::vector<bool> taken(pieces.size());
  const auto place = [&](const std::string& piece, int32_t id, const JsonNode& node) {
    const auto i = static_cast<size_t>(id);
    if (i >= pieces.size())
      node.fail("'" + piece + "' has id " + std::to_string(id) + " but there are " +
                std::to_string(pieces.size()) + " pieces; expected ids without gaps from 0 on");
    if (taken[i])
      node.fail("'" + piece + "' and '" + pieces[i] + "' share id " + std::to_string(id) +
                "; expected one piece per id");
    taken[i] = true;
    pieces[i] = piece;
  };
  for (const auto& [piece, id] : model.vocab()) place(piece, id, vocab);
  special_.resize(pieces.size());
  for (const AddedToken& t : added.tokens()) {
    if (!model.id(t.content)) place(t.content, t.id, root.at("added_tokens"));
    special_[static_cast<size_t>(t.id)] = t.special;
  }
}

std::optional<int32_t> Tokenizer::Impl::id_of(std::string_view piece) const {
  if (const auto id = model.id(piece)) return id;
  for (const AddedToken& t : added.tokens())
    if (t.content == piece) return t.id;
  return std::nullopt;
}

std::optional<int32_t> Tokenizer::Impl::special_id(const std::string& content, const char* role) {
  if (content.empty()) return std::nullopt;
  const auto id = id_of(content);
  if (!id) warnings.push_back(name + ": " + role + " '" + content + "' is not in the vocabulary");
  return id;
}

const std::string* Tokenizer::Impl::find_piece(int32_t id) const {
  return id < 0 || static_cast<size_t>(id) >= pieces.size() ? nullptr
                                                            : &pieces[static_cast<size_t>(id)];
}

}  // namespace kvhost
