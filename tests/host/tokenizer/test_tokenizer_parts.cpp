// SPDX-License-Identifier: Apache-2.0
// Tokenizers that come as lists, as in GGUF's metadata.
#include <catch2/catch.hpp>

#include "golden.hpp"
#include "tokenizer/byte_level.hpp"
#include "tokenizer/pre_names.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/tokenizer_parts.hpp"

using Catch::Contains;
using kvhost::Tokenizer;
using kvhost::TokenizerParts;
using Ids = std::vector<int32_t>;
using Type = TokenizerParts::Type;

namespace {

// Every byte, then "12", "123", "ab", and two control tokens.
TokenizerParts bytes(const std::string& pre) {
  TokenizerParts parts;
  parts.origin = "model.gguf";
  parts.pre = pre;
  for (const auto& character : kvhost::tok::byte_characters()) parts.pieces.push_back(character);
  for (const char* piece : {"12", "123", "ab", "<s>", "<|im_end|>"}) parts.pieces.push_back(piece);
  parts.types.assign(parts.pieces.size(), Type::kNormal);
  parts.types[259] = Type::kControl;
  parts.merges = {"1 2", "12 3", "a b"};
  parts.bos = 259, parts.eos = 260;
  return parts;
}

// "<unk>", "<s>", "</s>" and what the rows say.
TokenizerParts scored(TokenizerParts::Kind kind,
                      const std::vector<std::pair<std::string, float>>& rows) {
  TokenizerParts parts;
  parts.kind = kind;
  parts.origin = "model.gguf";
  parts.pieces = {"<unk>", "<s>", "</s>"};
  parts.scores = {0, 0, 0};
  parts.types = {Type::kUnknown, Type::kControl, Type::kControl};
  for (const auto& [piece, score] : rows) {
    parts.pieces.push_back(piece);
    parts.scores.push_back(score);
    parts.types.push_back(piece.starts_with("<0x") ? Type::kByte : Type::kNormal);
  }
  parts.bos = 1, parts.eos = 2;
  return parts;
}

std::vector<std::string> spelled(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::string> out;
  for (const int32_t id : tokenizer.encode(text, /*add_special=*/false))
    out.push_back(tokenizer.piece(id));
  return out;
}

std::string refusal(const TokenizerParts& parts) {
  try {
    Tokenizer::from_parts(parts);
  } catch (const kvhost::Error& e) {
    CHECK(e.code() == kvhost::ExitCode::CannotLoad);
    CHECK(e.where() == "model.gguf");
    return e.what();
  }
  return "loaded";
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("byte-level parts: the name says how the text is cut") {
  CHECK(spelled(Tokenizer::from_parts(bytes("llama-bpe")), "1234 ab") ==
        Pieces{"123", "4", "Ġ", "ab"});
  CHECK(spelled(Tokenizer::from_parts(bytes("qwen2")), "1234 ab") ==
        Pieces{"1", "2", "3", "4", "Ġ", "ab"});
  CHECK(spelled(Tokenizer::from_parts(bytes("gpt-2")), "x1234") == Pieces{"x", "123", "4"});
  CHECK(spelled(Tokenizer::from_parts(bytes("smollm")), "x12") == Pieces{"x", "1", "2"});
  CHECK(spelled(Tokenizer::from_parts(bytes("deepseek-v3")), "1212") == Pieces{"12", "1", "2"});
}

TEST_CASE("byte-level parts: every known name makes a tokenizer that gives the text back") {
  for (const std::string& name : kvhost::tok::known_pre_names()) {
    INFO(name);
    if (!kvhost::tok::find_pre_rule(name)->byte_level) continue;
    const auto tokenizer = Tokenizer::from_parts(bytes(name));
    const std::string text = "It's ÉCOLE  12345 日本語 한국어\n\n  x_y! <s>\ta\u0301 ٣٤";
    CHECK(tokenizer.decode(tokenizer.encode(text, false), false) == text);
  }
}

TEST_CASE("byte-level parts: special tokens") {
  auto parts = bytes("gpt-2");
  auto tokenizer = Tokenizer::from_parts(parts);
  CHECK(tokenizer.encode("ab<s>") == Ids{258, 259});
  CHECK(tokenizer.bos_id() == 259);
  CHECK(tokenizer.is_special(259));
  // Its type says normal, but it ends a turn.
  CHECK(tokenizer.is_special(260));
  CHECK(tokenizer.encode("ab<|im_end|>") == Ids{258, 260});
  CHECK(end_ids(parts) == Ids{260});
  parts.eos = 259;
  CHECK(end_ids(parts) == Ids{259, 260});
  parts.add_bos = true, parts.add_eos = true;
  CHECK(Tokenizer::from_parts(parts).encode("ab") == Ids{259, 258, 259});
  CHECK(Tokenizer::from_parts(parts).encode("ab", /*add_special=*/false) == Ids{258});
  CHECK(Tokenizer::from_parts(bytes("llama-bpe")).encode("ab") == Ids{259, 258});
  parts = bytes("llama-bpe");
  parts.add_bos = false;
  CHECK(Tokenizer::from_parts(parts).encode("ab") == Ids{258});
  CHECK(Tokenizer::from_parts(bytes("")).warnings().size() == 1);
  CHECK(tokenizer.warnings().empty());
}

TEST_CASE("SentencePiece BPE: the best score first, the leftmost among equals, bytes for the rest") {
  auto parts = scored(TokenizerParts::Kind::SentencePieceBpe,
                      {{"\u2581", -9}, {"a", -9}, {"b", -9}, {"aa", -1}, {"ab", -2}, {"aab", -3},
                       {"\u2581a", -4}, {"éa", -5}, {"<0xC3>", 0}, {"<0xA9>", 0}});
  parts.types[6] = Type::kNormal;
  const auto tokenizer = Tokenizer::from_parts(parts);
  CHECK(spelled(tokenizer, "aab") == Pieces{"\u2581", "aab"});
  CHECK(spelled(tokenizer, "aaa") == Pieces{"\u2581", "aa", "a"});
  CHECK(spelled(tokenizer, "abb") == Pieces{"\u2581", "ab", "b"});
  CHECK(spelled(tokenizer, "bab a") == Pieces{"\u2581", "b", "ab", "\u2581a"});
  // No piece of its own, but a part of one.
  CHECK(spelled(tokenizer, "béa") == Pieces{"\u2581", "b", "éa"});
  CHECK(spelled(tokenizer, "bé") == Pieces{"\u2581", "b", "<0xC3>", "<0xA9>"});
  CHECK(spelled(tokenizer, "bxyb") == Pieces{"\u2581", "b", "<unk>", "b"});
  CHECK(tokenizer.encode("ab") == Ids{1, 3, 7});
  CHECK(tokenizer.decode(tokenizer.encode("ab éab a")) == "ab éab a");
  CHECK(spelled(tokenizer, "b</s>b") == Pieces{"\u2581", "b", "</s>", "\u2581", "b"});
  CHECK_THAT(tokenizer.describe(), Contains("SentencePiece BPE, 13 ids, from model.gguf"));

  parts.prefix_only_first = true;
  CHECK(spelled(Tokenizer::from_parts(parts), "b</s>b") == Pieces{"\u2581", "b", "</s>", "b"});
  parts.add_space_prefix = false;
  const auto bare = Tokenizer::from_parts(parts);
  CHECK(spelled(bare, "b a") == Pieces{"b", "\u2581a"});
  CHECK(bare.decode(bare.encode(" a")) == " a");
}

TEST_CASE("SentencePiece BPE: tokens of the user are cut out first") {
  auto parts = scored(TokenizerParts::Kind::SentencePieceBpe,
                      {{"a", -9}, {"b", -9}, {"ab", -1}, {"  ", -8}, {"\u2581", -9}, {"ba", -7}});
  parts.types[8] = parts.types[6] = Type::kUserDefined;
  parts.add_space_prefix = false;
  const auto tokenizer = Tokenizer::from_parts(parts);
  CHECK(spelled(tokenizer, "aba   b") == Pieces{"a", "ba", "  ", "\u2581", "b"});
  CHECK(!tokenizer.is_special(6));
  CHECK(tokenizer.decode(tokenizer.encode("a  b")) == "a  b");
}

TEST_CASE("Unigram: the best sum of scores") {
  auto parts = scored(TokenizerParts::Kind::Unigram,
                      {{"\u2581", -3}, {"a", -3}, {"b", -3}, {"ab", -4}, {"bb", -7},
                       {"\u2581ab", -5.5}});
  const auto tokenizer = Tokenizer::from_parts(parts);
  CHECK(spelled(tokenizer, "ab") == Pieces{"\u2581ab"});
  CHECK(spelled(tokenizer, "bb") == Pieces{"\u2581", "b", "b"});
  CHECK(spelled(tokenizer, "aab") == Pieces{"\u2581", "a", "ab"});
  CHECK(spelled(tokenizer, "axyb") == Pieces{"\u2581", "a", "<unk>", "b"});
  CHECK(tokenizer.encode("ab") == Ids{8, 2});           // </s> behind is usual here
  CHECK(spelled(tokenizer, "  ab   ab ") == Pieces{"\u2581ab", "\u2581ab"});
  parts.remove_extra_whitespaces = false;
  CHECK(spelled(Tokenizer::from_parts(parts), " ab ") == Pieces{"\u2581", "\u2581ab", "\u2581"});
}

TEST_CASE("parts that do not fit together are refused with their origin") {
  CHECK_THAT(refusal(bytes("qwen3")), Contains("'qwen3'") && Contains("did you mean 'qwen2'"));
  const auto changed = [](const auto& change) {
    auto parts = bytes("gpt-2");
    change(parts);
    return refusal(parts);
  };
  CHECK_THAT(changed([](auto& p) { p.pieces.clear(); }), Contains("no pieces"));
  CHECK_THAT(changed([](auto& p) { p.types.pop_back(); }), Contains("260 types") && Contains("261"));
  CHECK_THAT(changed([](auto& p) { p.types[3] = 9; }), Contains("piece 3 has type 9"));
  CHECK_THAT(changed([](auto& p) { p.pieces[3] = "\xff"; }), Contains("piece 3 is not UTF-8"));
  CHECK_THAT(changed([](auto& p) { p.eos = 261; }), Contains("eos has id 261; expected 0 to 260"));
  CHECK_THAT(changed([](auto& p) { p.unk = -1; }), Contains("unk has id -1"));
  CHECK_THAT(changed([](auto& p) { p.bos.reset(), p.add_bos = true; }), Contains("add_bos"));
  CHECK_THAT(changed([](auto& p) { p.merges[1] = "12 z"; }), Contains("merge 1") && Contains("12z"));
  CHECK_THAT(changed([](auto& p) { p.merges[1] = "12"; }), Contains("merge 1"));
  CHECK_THAT(changed([](auto& p) { p.merges[1] = ""; }), Contains("merge 1"));
  const auto scored_changed = [](const auto& change) {
    auto parts = scored(TokenizerParts::Kind::Unigram, {{"a", -1}});
    change(parts);
    return refusal(parts);
  };
  CHECK(scored_changed([](auto&) {}) == "loaded");
  CHECK_THAT(scored_changed([](auto& p) { p.scores.pop_back(); }), Contains("3 scores"));
  CHECK_THAT(scored_changed([](auto& p) { p.scores[1] = NAN; }), Contains("piece 1 has no finite"));
  CHECK_THAT(scored_changed([](auto& p) { p.precompiled_charsmap = "abc"; }),
             Contains("precompiled_charsmap") && Contains("3 bytes"));
  CHECK_THAT(scored_changed([](auto& p) { p.precompiled_charsmap = std::string("\xff\0\0\0ab", 6); }),
             Contains("255"));
}
