// SPDX-License-Identifier: Apache-2.0
// What users of the class rely on besides the ids: streaming, refusals, messages.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <map>

#include "golden.hpp"
#include "temp_folder.hpp"
#include "tokenizer/tokenizer.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using kvhost::Tokenizer;
using nlohmann::json;
using Ids = std::vector<int32_t>;

namespace {

// A folder that goes away with the test.
class Folder {
 public:
  Folder& put(const std::string& name, const std::string& text) {
    folder_.write(name, text);
    return *this;
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  kvhost::test::TempFolder folder_;
};

const json& small_document() {
  static const json document = json::parse(R"({
    "added_tokens": [{"id": 0, "content": "<s>", "special": true}],
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "unk_token": "?", "vocab": {"<s>": 0, "?": 1, "a": 2, "b": 3, "ab": 4},
              "merges": [["a", "b"]]}})");
  return document;
}

Tokenizer load_changed(const std::function<void(json&)>& change) {
  json document = small_document();
  change(document);
  Folder folder;
  return Tokenizer::load(folder.put("tokenizer.json", document.dump()).path());
}

std::string refusal(const std::function<void(json&)>& change) {
  try {
    load_changed(change);
  } catch (const kvhost::Error& e) {
    CHECK(e.code() == kvhost::ExitCode::CannotLoad);
    return e.what();
  }
  return "loaded";
}

// GPT-2's spelling of every byte, as a whole vocabulary.
json all_bytes() {
  json vocab;
  int spare = 0x100, id = 0;
  for (int b = 0; b < 256; ++b) {
    const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    const int c = itself ? b : spare++;
    vocab[c < 0x80 ? std::string(1, static_cast<char>(c))
                   : std::string{static_cast<char>(0xC0 | c >> 6),
                                 static_cast<char>(0x80 | (c & 63))}] = id++;
  }
  return vocab;
}

Tokenizer byte_tokenizer() {
  return load_changed([](json& d) {
    d["added_tokens"] = json::array({{{"id", 256}, {"content", "<s>"}, {"special", true}}});
    d["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
    d["decoder"] = {{"type", "ByteLevel"}};
    d["model"] = {{"type", "BPE"}, {"vocab", all_bytes()}, {"merges", json::array()}};
  });
}

}  // namespace

TEST_CASE("text that is not UTF-8 is refused with its byte offset, or sanitized") {
  const auto tokenizer = byte_tokenizer();
  const std::map<std::string, size_t> bad = {{"ab\xff", 2},
                                             {"\xc3", 0},
                                             {"a\xed\xa0\x80", 1},
                                             {"\xc0\xaf", 0},
                                             {"x\xf4\x90\x80\x80", 1},
                                             {"é\xe2\x82", 2},
                                             {"\x80", 0}};
  for (const auto& [text, offset] : bad) {
    try {
      tokenizer.encode(text);
      FAIL("encoded");
    } catch (const kvhost::Error& e) {
      CHECK(e.code() == kvhost::ExitCode::BadRequest);
      CHECK_THAT(e.what(), Contains("byte " + std::to_string(offset) + " "));
    }
    CHECK_NOTHROW(tokenizer.encode(kvhost::sanitize_utf8(text)));
  }
  const std::string r = "\xEF\xBF\xBD";
  CHECK(kvhost::sanitize_utf8("a\xff"
                              "b") == "a" + r + "b");
  CHECK(kvhost::sanitize_utf8("\xe2\x82z") == r + "z");       // a cut-off character is one
  CHECK(kvhost::sanitize_utf8("\xed\xa0\x80") == r + r + r);  // a surrogate is three
  CHECK(kvhost::sanitize_utf8("é日😀") == "é日😀");
}

TEST_CASE("streaming never splits a character and loses nothing") {
  const auto tokenizer = byte_tokenizer();
  const std::string text = "é日😀x";
  const auto ids = tokenizer.encode(text);
  REQUIRE(ids.size() == 10);
  kvhost::StreamDecoder decoder(tokenizer);
  std::vector<std::string> parts;
  for (const int32_t id : ids) parts.push_back(decoder.push(id));
  CHECK(parts == std::vector<std::string>{"", "é", "", "", "日", "", "", "", "😀", "x"});
  CHECK(decoder.flush().empty());

  CHECK(decoder.push(ids[2]).empty());
  CHECK(decoder.push(ids[3]).empty());
  CHECK(decoder.flush() == "\xEF\xBF\xBD");  // the cut-off character
  CHECK(decoder.push(ids[9]) == "x");        // and afresh
  CHECK(decoder.push(256).empty());          // a special token
  kvhost::StreamDecoder with_special(tokenizer, /*skip_special=*/false);
  CHECK(with_special.push(256) == "<s>");
}

TEST_CASE("pieces, ids and special tokens") {
  const auto tokenizer = load_changed([](json&) {});
  CHECK(tokenizer.vocab_size() == 5);
  CHECK(tokenizer.piece(4) == "ab");
  CHECK(tokenizer.id_of("<s>") == 0);
  CHECK(!tokenizer.id_of("zz"));
  CHECK(tokenizer.is_special(0));
  CHECK(!tokenizer.is_special(4));
  CHECK(!tokenizer.is_special(5));
  CHECK_THROWS_WITH(tokenizer.piece(5), Contains("5") && Contains("0 to 4"));
  CHECK(tokenizer.decode(std::vector<int32_t>{2, 99, -1, 3}) == "ab");
  CHECK(!tokenizer.bos_id());
  CHECK_THAT(tokenizer.describe(), Contains("5 ids") && Contains("tokenizer.json"));
}

TEST_CASE("special tokens are named by the files beside tokenizer.json") {
  Folder folder;
  folder.put("tokenizer.json", small_document().dump());
  folder.put("tokenizer_config.json", R"({"bos_token": {"content": "<s>"}, "eos_token": "gone"})");
  const auto tokenizer = Tokenizer::load(folder.path());
  CHECK(tokenizer.bos_id() == 0);
  CHECK(tokenizer.eos_id() == 5);  // new, behind the pieces
  folder.put("special_tokens_map.json", R"({"eos_token": "b"})");
  CHECK(Tokenizer::load(folder.path()).eos_id() == 3);
}

TEST_CASE(
    "vocab.json and merges.txt: how the text is cut follows from class, model or vocabulary") {
  Folder folder;
  json vocab = all_bytes();
  vocab["12"] = 256;
  folder.put("vocab.json", vocab.dump()).put("merges.txt", "#version: 0.2\n1 2\n");
  CHECK_THROWS_WITH(Tokenizer::load(folder.path()),
                    Contains("257 pieces") && Contains("tokenizer_class"));

  folder.put("config.json", R"({"model_type": "gpt2"})");
  const auto gpt2 = Tokenizer::load(folder.path() / "vocab.json");
  CHECK(gpt2.encode("12") == std::vector<int32_t>{256});
  CHECK_THAT(gpt2.describe(), Contains("GPT-2") && Contains("model_type gpt2"));
  CHECK(gpt2.eos_id() == 257);

  folder.put("tokenizer_config.json", R"({"tokenizer_class": "Qwen2Tokenizer"})");
  const auto qwen2 = Tokenizer::load(folder.path());
  CHECK(qwen2.encode("12").size() == 2);  // digits stay single
  CHECK(qwen2.normalize("e\xCC\x81") == "é");
  CHECK_THAT(qwen2.warnings().at(0), Contains("Qwen2"));

  folder.put("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  CHECK_THROWS_WITH(Tokenizer::load(folder.path()),
                    Contains("T5Tokenizer") && Contains("expected GPT2Tokenizer"));
}

TEST_CASE("gaps in the ids, an unknown token that is none, and tokens listed twice are no fault") {
  const auto gaps = load_changed([](json& d) {
    d["model"]["vocab"]["zz"] = 9;
    d["model"]["unk_token"] = "nope";
    d["added_tokens"] = json::array({{{"id", 0}, {"content", "<s>"}, {"special", true}},
                                     {{"id", 20}, {"content", "<t>"}, {"special", true}},
                                     {{"id", 6}, {"content", "<t>"}, {"special", false}}});
  });
  CHECK(gaps.vocab_size() == 10);
  CHECK(gaps.piece(9) == "zz");
  CHECK_THROWS_WITH(gaps.piece(7), Contains("7"));
  CHECK(gaps.decode(std::vector<int32_t>{2, 7, 3}) == "ab");
  // What is no piece gets the number behind the last piece, whatever the file lists.
  CHECK(gaps.encode("a<t>") == std::vector<int32_t>{2, 6});
  CHECK(gaps.is_special(6));
  REQUIRE(gaps.warnings().size() == 2);
  CHECK_THAT(gaps.warnings()[0], Contains("'<t>' is listed with id 20 but has id 6"));
  CHECK_THAT(gaps.warnings()[1], Contains("dropped"));
}

TEST_CASE("a vocabulary without the bytes that no text has drops nothing") {
  const auto without = [](std::initializer_list<int> bytes) {
    json vocab = all_bytes();
    for (const int b : bytes) {
      std::string character;  // these bytes are spelled as themselves
      character += static_cast<char>(0xC0 | b >> 6);
      character += static_cast<char>(0x80 | (b & 63));
      REQUIRE(vocab.erase(character) == 1);
    }
    return load_changed([&](json& d) {
      d["added_tokens"] = json::array();
      d["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
      d["model"] = {{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array()}};
    });
  };
  CHECK(without({0xC0, 0xC1, 0xF5, 0xFF}).warnings().empty());  // never in UTF-8
  CHECK(without({0xF1, 0xF2}).warnings().empty());  // planes without characters
  CHECK(without({0xF3}).warnings().size() == 1);    // flags
  CHECK(without({0xC2}).warnings().size() == 1);
}

TEST_CASE("a malformed vocabulary is refused where it is wrong") {
  const auto model = [](const char* key, json value) {
    return refusal([&](json& d) { d["model"][key] = value; });
  };
  const auto pair = [](const char* a, const char* b) { return json::array({json::array({a, b})}); };
  CHECK_THAT(refusal([](json& d) { d["model"].erase("vocab"); }),
             Contains("#/model: 'vocab' is missing"));
  CHECK_THAT(refusal([](json& d) { d.erase("model"); }), Contains("'model' is missing"));
  CHECK_THAT(refusal([](json& d) { d = json::array(); }), Contains("found array; expected an object"));
  CHECK_THAT(model("vocab", {{"a", "x"}}), Contains("#/model/vocab") && Contains("has id '\"x\"'"));
  CHECK_THAT(refusal([](json& d) { d["model"]["vocab"]["zz"] = INT32_MAX; }),
             Contains("'zz' has id '2147483647'; expected an integer from 0 to 16777215"));
  CHECK_THAT(refusal([](json& d) { d["model"]["vocab"]["zz"] = UINT64_MAX; }), Contains("'18446744073709551615'"));
  CHECK_THAT(refusal([](json& d) { d["model"]["vocab"]["zz"] = 2; }), Contains("share id 2"));
  CHECK_THAT(model("merges", pair("a", "z")),
             Contains("#/model/merges/0") && Contains("names 'z'"));
  CHECK_THAT(model("merges", pair("b", "a")), Contains("names 'ba'"));
  CHECK_THAT(model("merges", {"a b", "a  b"}), Contains("#/model/merges/1") && Contains("a  b"));
  CHECK_THAT(model("merges", nullptr), Contains("#/model/merges"));
  CHECK_THAT(model("dropout", 0.1), Contains("#/model/dropout"));
  CHECK_THAT(model("end_of_word_suffix", "</w>"), Contains("#/model/end_of_word_suffix"));
}

TEST_CASE("an unsupported component is refused by pointer, with what is supported") {
  CHECK_THAT(refusal([](json& d) { d["model"]["type"] = "WordLevel"; }),
             Contains("tokenizer.json#/model/type") && Contains("'WordLevel'") && Contains("BPE"));
  CHECK_THAT(refusal([](json& d) { d["pre_tokenizer"]["type"] = "Whitespaces"; }),
             Contains("#/pre_tokenizer/type") && Contains("did you mean 'Whitespace'"));
  const json sequence = {{"type", "Sequence"},
                         {"normalizers", {{{"type", "NFC"}}, {{"type", "WordNormalizer"}}}}};
  CHECK_THAT(refusal([&](json& d) { d["normalizer"] = sequence; }),
             Contains("#/normalizer/normalizers/1/type") && Contains("NFKC"));
  CHECK_THAT(refusal([](json& d) { d["decoder"]["type"] = "WordPiece"; }),
             Contains("#/decoder/type"));
  CHECK_THAT(refusal([](json& d) {
               d["post_processor"] = {{"type", "Template"}};
             }),
             Contains("#/post_processor/type") && Contains("TemplateProcessing"));
}

TEST_CASE("a pattern that cannot keep its meaning is refused") {
  const auto pattern = [](const std::string& regex) {
    return refusal([&](json& d) {
      d["pre_tokenizer"] = {
          {"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"Regex", regex}}}};
    });
  };
  CHECK(pattern(R"(\p{N}{1,3}| ?\p{L}+)") == "loaded");
  CHECK_THAT(pattern("(a"), Contains("#/pre_tokenizer/pattern/Regex"));
  CHECK_THAT(pattern(R"(\Ra)"), Contains("'\\R' is not supported"));
  CHECK_THAT(pattern("(?~ab)"), Contains("'(?~' is not supported"));
  CHECK_THAT(pattern("[a-[bc]]"), Contains("ends in a class"));
  CHECK_THAT(pattern("[[:letter:]]"), Contains("'[:letter:]'"));
  CHECK_THAT(pattern("(?i)[\\p{Lu}a]"), Contains("without regard to case"));
  CHECK_THAT(pattern("(?i)[a-z&&[b-d]]"), Contains("without regard to case"));
  CHECK_THAT(pattern("(?i:[a[^b]])"), Contains("without regard to case"));
  CHECK_THAT(pattern("[a"), Contains("'[' without ']'"));
  CHECK_THAT(pattern("a)"), Contains("')' without '('"));
  CHECK_THAT(pattern(R"(\u12)"), Contains("four hexadecimal digits"));
  CHECK_THAT(pattern("a\\"), Contains("backslash"));
  CHECK_THAT(pattern(std::string(300, '(') + std::string(300, ')')), Contains("too deeply"));
  CHECK_THAT(pattern(std::string(300, '[')), Contains("too deeply"));
  CHECK(pattern(R"(\bx)") == "loaded");
  CHECK_THAT(pattern(R"(\p{Nonsense})"), Contains("Nonsense"));
}

TEST_CASE("a folder without a tokenizer says what was expected") {
  Folder folder;
  CHECK_THROWS_WITH(Tokenizer::load(folder.path()), Contains("expected tokenizer.json"));
  CHECK_THROWS_WITH(Tokenizer::load(folder.path() / "none"), Contains("does not exist"));
  folder.put("tokenizer.json", "{\"model\": ");
  CHECK_THROWS_WITH(Tokenizer::load(folder.path()), Contains("not valid JSON"));
}

TEST_CASE("tokens that only the files beside tokenizer.json name") {
  const auto with = [](const std::map<std::string, std::string>& files) {
    Folder folder;
    folder.put("tokenizer.json", small_document().dump());
    for (const auto& [name, text] : files) folder.put(name, text);
    return Tokenizer::load(folder.path());
  };
  const Ids plain = with({}).encode("a<extra>b");
  CHECK(plain == Ids{2, 1, 1, 1, 1, 1, 2, 1, 3});
  const std::string decoder = R"("added_tokens_decoder": {"5": {"content": "<extra>"}})";
  CHECK(with({{"tokenizer_config.json", "{" + decoder + "}"}}).encode("a<extra>b") == Ids{2, 5, 3});
  CHECK(!with({{"tokenizer_config.json", "{" + decoder + "}"}}).is_special(5));
  // A token with a role is special, whatever the list says.
  const std::string role = R"({"pad_token": "<extra>", )" + decoder + "}";
  CHECK(with({{"tokenizer_config.json", role}}).is_special(5));
  for (const char* config : {R"({"additional_special_tokens": ["<extra>"]})",
                             R"({"extra_special_tokens": ["<extra>"]})",
                             R"({"extra_special_tokens": {"x": "<extra>"}})",
                             R"({"image_token": "<extra>"})",
                             R"({"mask_token": {"content": "<extra>", "lstrip": true}})"}) {
    INFO(config);
    const auto tokenizer = with({{"tokenizer_config.json", config}});
    CHECK(tokenizer.encode("a<extra>b") == Ids{2, 5, 3});
    CHECK(tokenizer.is_special(5));
  }
  CHECK(with({{"tokenizer_config.json", R"({"mask_token": {"content": "b", "lstrip": true}})"}})
            .encode("a b") == Ids{2, 3});
  const auto older = with({{"added_tokens.json", R"({"<extra>": 6, "<more>": 5})"},
                           {"special_tokens_map.json", R"({"eos_token": "<more>"})"}});
  CHECK(older.encode("<extra><more>") == Ids{6, 5});
  CHECK(older.eos_id() == 5);
  CHECK(older.is_special(5));
  CHECK(!older.is_special(6));
  // A configuration with its own list is newer than the other files.
  const auto newer =
      with({{"tokenizer_config.json", R"({"eos_token": "b", "added_tokens_decoder": {}})"},
            {"added_tokens.json", R"({"<extra>": 5})"},
            {"special_tokens_map.json", R"({"eos_token": "a"})"}});
  CHECK(newer.eos_id() == 3);
  CHECK(newer.vocab_size() == 5);
  CHECK_THROWS_WITH(with({{"added_tokens.json", R"({"<extra>": "x"})"}}),
                    Contains("'<extra>' the id \"x\""));
  CHECK_THROWS_WITH(with({{"tokenizer_config.json", R"({"added_tokens_decoder": {"x": {}}})"}}),
                    Contains("added_tokens_decoder") && Contains("'x'"));
}

TEST_CASE("vocab.json and merges.txt: what is put around a text, line ends, blank lines") {
  Folder folder;
  json vocab = all_bytes();
  vocab["12"] = 256;
  vocab["<|endoftext|>"] = 257;
  folder.put("vocab.json", vocab.dump()).put("merges.txt", "#version: 0.2\r\n1 2\r\n\r\n");
  folder.put("config.json", R"({"model_type": "gpt2"})");
  folder.put("tokenizer_config.json", R"({"add_bos_token": true})");
  CHECK(Tokenizer::load(folder.path()).encode("12") == Ids{257, 256});
  folder.put("tokenizer_config.json",
             R"({"add_bos_token": true, "bos_token": "<s>", "add_eos_token": true})");
  CHECK(Tokenizer::load(folder.path()).encode("12") == Ids{258, 256, 257});
  CHECK(Tokenizer::load(folder.path()).encode("12", /*add_special=*/false) == Ids{256});
}

TEST_CASE("tokenizer.json decides what is put around a text, and a flag that it ignores is told") {
  const auto with = [](const json& post_processor) {
    json document = small_document();
    document["post_processor"] = post_processor;
    Folder folder;
    folder.put("tokenizer.json", document.dump());
    folder.put("tokenizer_config.json", R"({"add_bos_token": true, "bos_token": "<s>"})");
    return Tokenizer::load(folder.path());
  };
  const auto ignored = with({{"type", "ByteLevel"}});
  CHECK(ignored.encode("a") == Ids{2});
  REQUIRE(ignored.warnings().size() == 1);
  CHECK_THAT(ignored.warnings()[0], Contains("add_bos_token") && Contains("'<s>'"));
  const json pair = {{"type", "RobertaProcessing"},
                     {"cls", json::array({"<s>", 0})},
                     {"sep", json::array({"b", 3})}};
  CHECK(with(pair).encode("a") == Ids{0, 2, 3});
  CHECK(with(pair).warnings().empty());
}

TEST_CASE("tekken.json: special tokens first, then bytes by rank") {
  json vocab = json::array();
  const auto add = [&](const std::string& base64) {
    vocab.push_back({{"rank", vocab.size()}, {"token_bytes", base64}, {"token_str", nullptr}});
  };
  for (const char* base64 : {"YQ==", "Yg==", "Yw==", "w6k=", "YmM=", "YWI=", "YWJj", "4pQ="})
    add(base64);
  json document = {{"config",
                    {{"pattern", R"(\p{L}+|[^\p{L}]+)"},
                     {"default_vocab_size", 29},
                     {"default_num_special_tokens", 22}}},
                   {"vocab", vocab}};
  Folder folder;
  auto tokenizer = Tokenizer::load(folder.put("tekken.json", document.dump()).path());
  // "é" alone is no single byte: it is a piece as a whole word only.
  CHECK(tokenizer.encode("abc") == Ids{1, 28});
  CHECK(tokenizer.encode("bcab", /*add_special=*/false) == Ids{26, 27});
  CHECK(tokenizer.encode("abca", /*add_special=*/false) == Ids{28, 22});
  CHECK(tokenizer.encode("abcc", /*add_special=*/false) == Ids{28, 24});
  CHECK(tokenizer.encode("é", /*add_special=*/false) == Ids{25});
  CHECK(tokenizer.encode("a[INST]b", /*add_special=*/false) == Ids{22, 3, 23});
  CHECK(tokenizer.piece(21) == "<SPECIAL_21>");
  CHECK(tokenizer.decode(tokenizer.encode("abcé")) == "abcé");
  CHECK(tokenizer.vocab_size() == 29);
  CHECK(tokenizer.bos_id() == 1);
  CHECK(tokenizer.eos_id() == 2);
  document["special_tokens"] =
      json::array({{{"rank", 2}, {"token_str", "<end>"}, {"is_control", true}}});
  tokenizer = Tokenizer::load(folder.put("tekken.json", document.dump()).path());
  CHECK(tokenizer.piece(2) == "<end>");
  CHECK(tokenizer.piece(3) == "<SPECIAL_3>");
  document["vocab"][1]["rank"] = 5;
  folder.put("tekken.json", document.dump());
  CHECK_THROWS_WITH(Tokenizer::load(folder.path()), Contains("#/vocab/1") && Contains("rank 1"));
  document["vocab"][1] = {{"rank", 1}, {"token_bytes", "?"}};
  folder.put("tekken.json", document.dump());
  CHECK_THROWS_WITH(Tokenizer::load(folder.path()), Contains("/vocab/1/token_bytes"));
}
