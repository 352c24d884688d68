// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/piece_model.hpp"

#include "tokenizer/bpe.hpp"
#include "tokenizer/byte_level.hpp"
#include "tokenizer/byte_pieces.hpp"
#include "tokenizer/unigram.hpp"

namespace kvhost::tok {

void PieceModel::list(const std::function<void(const std::string&, int32_t)>& each) const {
  for (const auto& [piece, id] : vocab_) each(piece, id);
}

std::optional<int32_t> PieceModel::id(std::string_view piece) const {
  const auto it = vocab_.find(piece);
  if (it == vocab_.end()) return std::nullopt;
  return it->second;
}

namespace {

// F1 and F2 begin the planes 4 to 11, which hold no character; of the control codes below a space
// texts hold those that move: tab to carriage return.
bool occurs_in_texts(int b) {
  return occurs_in_utf8(b) && b != 0xF1 && b != 0xF2 && (b >= 0x20 || (b >= 0x09 && b <= 0x0D));
}

}  // namespace

bool PieceModel::has_byte_characters() const {
  const auto& characters = byte_characters();
  for (int b = 0; b < 256; ++b)
    if (occurs_in_texts(b) && !id(characters[static_cast<size_t>(b)])) return false;
  return true;
}

std::unique_ptr<PieceModel> load_piece_model(const JsonNode& node) {
  // Old files have no type: what they hold is BPE if it has merges, Unigram if a score for each.
  const auto type = node.find("type");
  const std::string name =
      type ? type->as_string() : node.at("vocab").value().is_array() ? "Unigram" : "BPE";
  if (name == "BPE") return std::make_unique<Bpe>(node);
  if (name == "Unigram") return std::make_unique<Unigram>(node);
  node.fail_type({"BPE", "Unigram"});
}

}  // namespace kvhost::tok
