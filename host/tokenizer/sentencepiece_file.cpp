// SPDX-License-Identifier: Apache-2.0
// tokenizer.model: SentencePiece's protobuf. Only the fields that decide ids are read; the numbers
// below are those of sentencepiece_model.proto.
#include "tokenizer/sentencepiece_file.hpp"

#include <bit>
#include <cstring>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tokenizer/sentencepiece_normalizer.hpp"

namespace kvhost::tok {

namespace fs = std::filesystem;

namespace {

constexpr int kTrainedAsUnigram = 1, kTrainedAsBpe = 2;

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;     // of a varint or a fixed-width field
  std::string_view text;  // of a field with a length
};

// Fields of one message, each checked to lie inside it.
class Message {
 public:
  Message(std::string_view bytes, const std::string& file) : rest_(bytes), file_(file) {}

  bool next(Field* field) {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    *field = {key >> 3, 0, {}};
    switch (key & 7) {
      case 0:
        field->value = varint();
        return true;
      case 1:
        field->value = fixed(8);
        return true;
      case 2:
        field->text = take(varint());
        return true;
      case 5:
        field->value = fixed(4);
        return true;
      default:
        fail("found wire type " + std::to_string(key & 7) + "; expected 0, 1, 2 or 5");
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    cannot_load(file_, "is no SentencePiece model: " + what);
  }

  std::string_view take(uint64_t size) {
    if (size > rest_.size())
      fail("a field of " + std::to_string(size) + " bytes where " + std::to_string(rest_.size()) +
           " are left; expected a whole file");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of more than 64 bits; expected a shorter one");
  }

  uint64_t fixed(size_t size) {
    uint64_t value = 0;
    const std::string_view bytes = take(size);
    for (size_t i = 0; i < size; ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
  }

  std::string_view rest_;
  const std::string& file_;
};

void read_piece(std::string_view bytes, TokenizerParts* parts) {
  std::string piece;
  float score = 0;
  int32_t type = TokenizerParts::kNormal;
  Message message(bytes, parts->origin);
  for (Field f; message.next(&f);) {
    if (f.number == 1) piece = f.text;
    if (f.number == 2) score = std::bit_cast<float>(static_cast<uint32_t>(f.value));
    if (f.number == 3) type = static_cast<int32_t>(f.value);
  }
  parts->pieces.push_back(std::move(piece));
  parts->scores.push_back(score);
  parts->types.push_back(type);
}

void read_trainer(std::string_view bytes, TokenizerParts* parts) {
  int64_t model_type = kTrainedAsUnigram, unk = 0, bos = 1, eos = 2, pad = -1;
  Message message(bytes, parts->origin);
  for (Field f; message.next(&f);) {
    // A negative int32 is written with 64 bits.
    const auto value = static_cast<int64_t>(f.value);
    if (f.number == 3) model_type = value;
    if (f.number == 24 && value != 0)
      cannot_load(parts->origin, "spaces are suffixes of words; expected them in front");
    if (f.number == 40) unk = value;
    if (f.number == 41) bos = value;
    if (f.number == 42) eos = value;
    if (f.number == 43) pad = value;
  }
  if (model_type != kTrainedAsUnigram && model_type != kTrainedAsBpe)
    cannot_load(parts->origin,
                "model_type " + std::to_string(model_type) + " found; expected 1 (Unigram) or 2 (BPE)");
  parts->kind = model_type == kTrainedAsBpe ? TokenizerParts::Kind::SentencePieceBpe
                                            : TokenizerParts::Kind::Unigram;
  const auto keep = [](int64_t id, std::optional<int32_t>* out) {
    out->reset();
    if (id >= 0 && id <= INT32_MAX) *out = static_cast<int32_t>(id);
  };
  keep(unk, &parts->unk), keep(bos, &parts->bos), keep(eos, &parts->eos), keep(pad, &parts->pad);
}

void read_normalizer(std::string_view bytes, TokenizerParts* parts) {
  Message message(bytes, parts->origin);
  for (Field f; message.next(&f);) {
    if (f.number == 2) parts->precompiled_charsmap = f.text;
    if (f.number == 3) parts->add_space_prefix = f.value != 0;
    if (f.number == 4) parts->remove_extra_whitespaces = f.value != 0;
    if (f.number == 5 && f.value == 0)
      cannot_load(parts->origin, "spaces are not escaped; expected them as \xE2\x96\x81");
  }
}

// SentencePiece looks for the user's tokens in the text that it has escaped; here they are looked
// for in the text as it came.
void unescape_user_tokens(TokenizerParts* parts) {
  for (size_t i = 0; i < parts->pieces.size(); ++i) {
    if (parts->types[i] != TokenizerParts::kUserDefined) continue;
    std::string& piece = parts->pieces[i];
    for (size_t at; (at = piece.find(kSpaceMark)) != piece.npos;)
      piece.replace(at, kSpaceMark.size(), " ");
  }
}

}  // namespace

TokenizerParts read_sentencepiece(const fs::path& path) {
  const std::string bytes = read_file(path, ExitCode::CannotLoad);
  // Some models' tokenizer.model is a list of ranks, which says nothing of how text is cut.
  if (bytes.starts_with("IQ== "))
    cannot_load(path.string(),
                "is a tiktoken file; expected SentencePiece's, or a tokenizer.json in the folder");
  TokenizerParts parts;
  parts.origin = path.string();
  parts.kind = TokenizerParts::Kind::Unigram;
  parts.add_space_prefix = parts.remove_extra_whitespaces = true;
  parts.unk = 0, parts.bos = 1, parts.eos = 2;
  Message message(bytes, parts.origin);
  for (Field f; message.next(&f);) {
    if (f.number == 1) read_piece(f.text, &parts);
    if (f.number == 2) read_trainer(f.text, &parts);
    if (f.number == 3) read_normalizer(f.text, &parts);
  }
  unescape_user_tokens(&parts);
  return parts;
}

}  // namespace kvhost::tok
