// SPDX-License-Identifier: Apache-2.0
// Whole tokenizers against the Python ones: hard cases id by id, books and WikiText-2 line by line
// as hashes.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "golden.hpp"
#include "tokenizer/tokenizer.hpp"

namespace fs = std::filesystem;
using nlohmann::json;
using Ids = std::vector<int32_t>;

namespace {

// The tokenizer and its golden file, unless the tokenizer's files are absent: then the test says so
// and checks nothing.
struct Subject {
  json golden;
  std::optional<kvhost::Tokenizer> tokenizer;
};

Subject load_subject(const std::string& name) {
  Subject s{golden::load("golden/" + name + ".json"), std::nullopt};
  const fs::path folder = golden::tokenizer_folder(name);
  if (!fs::exists(folder)) {
    WARN("SKIPPED: no " << folder.string()
                        << "; set KVHOST_SHARED to the folder with tokenizers/ and models/");
    return s;
  }
  golden::Fnv digest;
  for (const char* file : {"tokenizer.json", "vocab.json", "merges.txt"})
    if (fs::exists(folder / file))
      digest.bytes(kvhost::read_file(folder / file, kvhost::ExitCode::CannotLoad));
  INFO(folder.string() << " is not what the golden file was made for; run .venv-oracle/bin/python "
                       << s.golden["made_by"].get<std::string>());
  REQUIRE(digest.hex() == s.golden["digest"].get<std::string>());
  s.tokenizer = kvhost::Tokenizer::load(folder);
  return s;
}

std::string stream(const kvhost::Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  kvhost::StreamDecoder decoder(tokenizer, skip_special);
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.flush();
}

void check_case(const kvhost::Tokenizer& tokenizer, const std::string& text, const json& wanted) {
  INFO(wanted["name"].get<std::string>());
  const Ids ids = tokenizer.encode(text);
  const Ids plain = tokenizer.encode(text, /*add_special=*/false);
  CHECK(ids == wanted["ids"].get<Ids>());
  CHECK(tokenizer.decode(ids) == wanted.value("text", text));
  CHECK(stream(tokenizer, ids, /*skip_special=*/true) == wanted.value("text", text));
  CHECK(tokenizer.decode(plain, /*skip_special=*/false) == wanted.value("back", text));
  CHECK(tokenizer.normalize(text) == wanted.value("back", text));
}

void check_hard_cases(const std::string& name) {
  const Subject s = load_subject(name);
  if (!s.tokenizer) return;
  const json cases = golden::load("hard_cases.json");
  REQUIRE(cases.size() == s.golden["hard"].size());
  CHECK(s.tokenizer->vocab_size() == s.golden["vocab_size"].get<int32_t>());
  for (size_t i = 0; i < cases.size(); ++i)
    check_case(*s.tokenizer, cases[i]["text"].get<std::string>(), s.golden["hard"][i]);
}

void check_lines(const kvhost::Tokenizer& tokenizer,
                 const std::string& all,
                 const json& wanted,
                 size_t block) {
  std::istringstream in(all);
  golden::Fnv hash;
  size_t count = 0, tokens = 0, wrong_back = 0;
  const auto close_block = [&] {
    INFO("lines " << (count - 1) / block * block + 1 << " to " << count);
    CHECK(hash.hex() == wanted["blocks"].at((count - 1) / block).get<std::string>());
    hash = golden::Fnv();
  };
  for (std::string line; std::getline(in, line);) {
    const Ids ids = tokenizer.encode(line);
    hash.list(ids);
    tokens += ids.size();
    const Ids plain = tokenizer.encode(line, /*add_special=*/false);
    wrong_back += tokenizer.decode(plain, /*skip_special=*/false) != tokenizer.normalize(line);
    if (++count % block == 0) close_block();
  }
  if (count % block != 0) close_block();
  CHECK(count == wanted["lines"].get<size_t>());
  CHECK(tokens == wanted["tokens"].get<size_t>());
  CHECK(wrong_back == 0);
}

void check_files(const std::string& name) {
  const Subject s = load_subject(name);
  if (!s.tokenizer) return;
  for (const auto& [path, wanted] : s.golden["files"].items()) {
    INFO(path);
    const fs::path file = golden::shared_folder() / path;
    if (!fs::exists(file)) {
      WARN("SKIPPED: no " << file.string());
      continue;
    }
    const std::string all = kvhost::read_file(file, kvhost::ExitCode::CannotLoad);
    check_lines(*s.tokenizer, all, wanted, s.golden["block"].get<size_t>());
    golden::Fnv hash;
    const Ids ids = s.tokenizer->encode(all);
    hash.list(ids);
    CHECK(ids.size() == wanted["whole"]["tokens"].get<size_t>());
    CHECK(hash.hex() == wanted["whole"]["hash"].get<std::string>());
  }
}

}  // namespace

TEST_CASE("hard cases: demo") { check_hard_cases("demo"); }
TEST_CASE("hard cases: small") { check_hard_cases("small"); }
TEST_CASE("hard cases: stories260k") { check_hard_cases("stories260k"); }
TEST_CASE("hard cases: pythia") { check_hard_cases("pythia"); }
TEST_CASE("hard cases: gpt2") { check_hard_cases("gpt2"); }
TEST_CASE("hard cases: qwen2") { check_hard_cases("qwen2"); }

TEST_CASE("every line of books and WikiText-2: demo") { check_files("demo"); }
TEST_CASE("every line of books and WikiText-2: small") { check_files("small"); }
TEST_CASE("every line of books and WikiText-2: stories260k") { check_files("stories260k"); }
TEST_CASE("every line of books and WikiText-2: pythia") { check_files("pythia"); }
TEST_CASE("every line of books and WikiText-2: gpt2") { check_files("gpt2"); }
TEST_CASE("every line of books and WikiText-2: qwen2") { check_files("qwen2"); }
