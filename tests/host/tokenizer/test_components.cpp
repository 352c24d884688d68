// SPDX-License-Identifier: Apache-2.0
// Each part against what the `tokenizers` library answered (components.json).
#include <unistd.h>

#include <catch2/catch.hpp>

#include "golden.hpp"
#include "temp_folder.hpp"
#include "tokenizer/decoder.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/utf8.hpp"

using kvhost::tok::JsonNode;
using nlohmann::json;
using Ids = std::vector<int32_t>;

namespace {

const json& components() {
  static const json all = golden::load("components.json");
  return all;
}

std::vector<std::string> cut(const kvhost::tok::PreTokenizer& part, const std::string& text) {
  std::vector<kvhost::tok::Piece> pieces;
  if (!text.empty()) pieces.push_back({text, /*first=*/true});
  part.apply(&pieces);
  std::vector<std::string> out;
  for (const auto& p : pieces) out.push_back(p.text);
  return out;
}

std::string decode(const kvhost::tok::Decoder& part, const std::vector<std::string>& tokens) {
  auto chain = part.start();
  std::string text;
  for (const auto& t : tokens) {
    chain.push(t, &text);
    REQUIRE(kvhost::utf8::find_invalid(text) == std::string::npos);
  }
  chain.finish(&text);
  return text;
}

// A tokenizer from a document in memory.
kvhost::Tokenizer load_document(const json& document) {
  const kvhost::test::TempFolder folder;
  const auto path = folder / "tokenizer.json";
  kvhost::write_json(path, document);
  return kvhost::Tokenizer::load(path);
}

}  // namespace

TEST_CASE("pre-tokenizers cut where the reference cuts") {
  for (const json& row : components()["pre_tokenizers"]) {
    const kvhost::tok::PreTokenizer part(JsonNode(row["part"], "components.json"));
    for (const json& c : row["cases"]) {
      INFO(row["part"].dump() << " of " << c[0].dump());
      CHECK(cut(part, c[0].get<std::string>()) == c[1].get<std::vector<std::string>>());
    }
  }
}

TEST_CASE("normalizers give what the reference gives") {
  for (const json& row : components()["normalizers"]) {
    const kvhost::tok::Normalizer part(JsonNode(row["part"], "components.json"));
    for (const json& c : row["cases"]) {
      INFO(row["part"].dump() << " of " << c[0].dump());
      CHECK(part.apply(c[0].get<std::string>()) == c[1].get<std::string>());
    }
  }
}

TEST_CASE("decoders give what the reference gives") {
  for (const json& row : components()["decoders"]) {
    const kvhost::tok::Decoder part(JsonNode(row["part"], "components.json"));
    for (const json& c : row["cases"]) {
      INFO(row["part"].dump() << " of " << c[0].dump());
      CHECK(decode(part, c[0].get<std::vector<std::string>>()) == c[1].get<std::string>());
    }
  }
}

TEST_CASE("character classes agree on every assigned code point") {
  for (const json& row : components()["sweeps"]) {
    INFO(row["part"].dump());
    const kvhost::tok::PreTokenizer part(JsonNode(row["part"], "components.json"));
    Ids kept;
    for (const json& range : components()["assigned"]) {
      std::string text;
      for (auto c = range[0].get<char32_t>(); c <= range[1].get<char32_t>(); ++c)
        kvhost::utf8::append(text, c);
      for (const std::string& piece : cut(part, text))
        for (size_t pos = 0; pos < piece.size();)
          kept.push_back(static_cast<int32_t>(kvhost::utf8::next(piece, pos)));
    }
    golden::Fnv hash;
    hash.list(kept);
    CHECK(kept.size() == row["kept"].get<size_t>());
    CHECK(hash.hex() == row["hash"].get<std::string>());
  }
}

TEST_CASE("whole tokenizers encode and decode as the reference does") {
  for (const json& row : components()["tokenizers"]) {
    const auto tokenizer = load_document(row["document"]);
    for (const json& c : row["cases"]) {
      INFO(row["document"].dump().substr(0, 1500) << "\n of " << c[0].dump());
      const auto text = c[0].get<std::string>();
      const Ids ids = tokenizer.encode(text);
      CHECK(ids == c[1].get<Ids>());
      CHECK(tokenizer.encode(text, /*add_special=*/false) == c[2].get<Ids>());
      CHECK(tokenizer.decode(ids, /*skip_special=*/true) == c[3].get<std::string>());
      CHECK(tokenizer.decode(ids, /*skip_special=*/false) == c[4].get<std::string>());
    }
  }
}
