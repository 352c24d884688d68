// SPDX-License-Identifier: Apache-2.0
// tokenizer.model alone: ids of small models against SentencePiece itself; malformed files.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "golden.hpp"
#include "temp_folder.hpp"
#include "tokenizer/tokenizer.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using kvhost::Tokenizer;
using nlohmann::json;
using Ids = std::vector<int32_t>;

namespace {

fs::path model_folder(const std::string& name) {
  return golden::tests_folder() / "sentencepiece" / name;
}

std::string model_bytes(const std::string& name) {
  return kvhost::read_file(model_folder(name) / "tokenizer.model", kvhost::ExitCode::CannotLoad);
}

// Control tokens in the text are found here and are text to SentencePiece.
bool has_control(const std::string& text) {
  for (const char* token : {"<s>", "</s>", "<unk>", "<pad>"})
    if (text.find(token) != text.npos) return true;
  return false;
}

// SentencePiece normalises a text before it looks for the user's tokens, which are cut out first
// here: spaces beside them may differ.
bool has_section(const std::string& text) { return text.find("<sep>") != text.npos; }

// A file that goes away with the test.
struct TempModel {
  explicit TempModel(const std::string& bytes) : path(folder.write("tokenizer.model", bytes)) {}
  kvhost::test::TempFolder folder;
  fs::path path;
};

std::string outcome(const std::string& bytes) {
  const TempModel model(bytes);
  try {
    const auto tokenizer = Tokenizer::load(model.path);
    const std::string text = "It was a dark <sep> day, 123 é日本\n";
    tokenizer.decode(tokenizer.encode(text));
    return "loaded";
  } catch (const kvhost::Error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("SentencePiece models give SentencePiece's ids") {
  const json golden = golden::load("sentencepiece/golden.json");
  const json hard = golden::load("hard_cases.json");
  for (const char* name : {"bpe", "bpe_unk", "unigram", "unigram_bytes"}) {
    const auto tokenizer = Tokenizer::load(model_folder(name));
    const json& rows = golden[name];
    REQUIRE(rows.size() > hard.size());
    const size_t n_texts = rows.size() - hard.size();
    size_t compared = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const json& row = rows[i];
      const std::string text =
          i < n_texts ? row[0].get<std::string>() : hard[i - n_texts]["text"].get<std::string>();
      if (has_control(text) || has_section(text)) continue;
      INFO(name << ": " << text.substr(0, 200));
      const Ids ids = tokenizer.encode(text, /*add_special=*/false);
      if (i < n_texts) {
        CHECK(ids == row[1].get<Ids>());
      } else {
        golden::Fnv hash;
        hash.list(ids);
        CHECK(ids.size() == row[1].get<size_t>());
        CHECK(hash.hex() == row[2].get<std::string>());
      }
      ++compared;
    }
    CHECK(compared > 100);
  }
}

TEST_CASE("tokenizer.model: what is put around a text") {
  const auto bpe = Tokenizer::load(model_folder("bpe"));
  CHECK(bpe.encode("").front() == 1);
  CHECK(bpe.bos_id() == 1);
  CHECK(bpe.eos_id() == 2);
  REQUIRE(bpe.warnings().size() == 1);
  CHECK_THAT(bpe.warnings()[0], Contains("add_bos_token"));
  CHECK_THAT(bpe.describe(), Contains("SentencePiece BPE, 600 ids, from tokenizer.model"));
  const auto unigram = Tokenizer::load(model_folder("unigram"));
  CHECK(unigram.encode("") == Ids{1});
  CHECK(!unigram.bos_id());
  CHECK(unigram.warnings().empty());
  // Behind a special token a text goes on: it gets no space in front.
  CHECK(bpe.decode(bpe.encode("x</s>y"), /*skip_special=*/false) == "<s> x</s>y");
}

TEST_CASE("a cut or changed tokenizer.model is refused or read, and never a crash") {
  const std::string whole = model_bytes("unigram");
  CHECK(outcome(whole) == "loaded");
  CHECK_THAT(outcome(""), Contains("no pieces"));
  CHECK_THAT(outcome("IQ== 0\nIg== 1\n"), Contains("tiktoken"));
  CHECK_THAT(outcome("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Contains("64 bits"));
  CHECK_THAT(outcome("\x0a\x7f" "abc"), Contains("127 bytes where 3 are left"));
  size_t refused = 0;
  for (size_t cut = 0; cut < whole.size(); cut += 97)
    refused += outcome(whole.substr(0, cut)) != "loaded" ? 1u : 0u;
  CHECK(refused > 50);
  uint32_t random = 1;
  for (int round = 0; round < 400; ++round) {
    std::string changed = whole;
    for (int k = 0; k < 4; ++k) {
      random = random * 1664525 + 1013904223;
      changed[(random >> 8) % changed.size()] = static_cast<char>(random);
    }
    outcome(changed);
  }
}
