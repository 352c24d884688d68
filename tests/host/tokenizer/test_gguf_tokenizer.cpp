// SPDX-License-Identifier: Apache-2.0
// Tokenizers and chat templates in the metadata of GGUF files.
#include <catch2/catch.hpp>

#include "../format/format_files.hpp"
#include "../format/gguf_bytes.hpp"
#include "base/error.hpp"
#include "format/gguf.hpp"
#include "tokenizer/chat_template.hpp"
#include "tokenizer/gguf_tokenizer.hpp"
#include "tokenizer/tokenizer.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

std::string texts(const std::vector<std::string>& list) {
  std::string bytes;
  for (const auto& text : list) bytes += gguf_text(text);
  return array(kString, list.size(), bytes);
}

template <class T>
std::string numbers(uint32_t type, const std::vector<T>& list) {
  std::string bytes;
  for (const T number : list) bytes += raw(number);
  return array(type, list.size(), bytes);
}

std::string text_pair(const std::string& key, const std::string& value) {
  return pair(key, kString, gguf_text(value));
}

std::string id_pair(const std::string& key, uint32_t id) { return pair(key, kU32, raw(id)); }

GgufBytes byte_level() {
  GgufBytes file;
  file.pairs = {
      text_pair("tokenizer.ggml.model", "gpt2"),
      text_pair("tokenizer.ggml.pre", "gpt-2"),
      pair("tokenizer.ggml.tokens", kArray, texts({"<s>", "a", "b", "ab", "Ġ", "</s>"})),
      pair("tokenizer.ggml.token_type", kArray, numbers<int32_t>(kI32, {3, 1, 1, 1, 1, 3})),
      pair("tokenizer.ggml.merges", kArray, texts({"a b"})),
      id_pair("tokenizer.ggml.bos_token_id", 0),
      id_pair("tokenizer.ggml.eos_token_id", 5),
      pair("tokenizer.ggml.add_bos_token", kBool, "\1"),
      text_pair("tokenizer.chat_template", "{{ bos_token }}{{ messages[0]['content'] }}|"),
      pair("tokenizer.chat_templates", kArray, texts({"loud"})),
      text_pair("tokenizer.chat_template.loud", "{{ messages[0]['content'] | upper }}"),
  };
  return file;
}

GgufBytes without(GgufBytes file, const std::string& key) {
  std::erase_if(file.pairs, [&](const auto& p) { return p.starts_with(gguf_text(key)); });
  return file;
}

std::string refusal(const GgufBytes& bytes) {
  const TempFile file(bytes.bytes());
  try {
    Tokenizer::load(file.path());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a byte-level tokenizer in a GGUF file", "[gguf]") {
  const TempFile file(byte_level().bytes());
  const Tokenizer tokenizer = Tokenizer::load(file.path());
  CHECK(tokenizer.encode("ab ba") == std::vector<int32_t>{0, 3, 4, 2, 1});
  CHECK(tokenizer.encode("ab</s>", /*add_special=*/false) == std::vector<int32_t>{3, 5});
  CHECK(tokenizer.decode(std::vector<int32_t>{0, 3, 4, 2}) == "ab b");
  CHECK(tokenizer.bos_id() == 0);
  CHECK(tokenizer.eos_id() == 5);
  CHECK(has_gguf_tokenizer(read_gguf(file.path()).metadata));
}

TEST_CASE("a SentencePiece tokenizer in a GGUF file", "[gguf]") {
  GgufBytes bytes;
  bytes.pairs = {
      text_pair("tokenizer.ggml.model", "llama"),
      pair("tokenizer.ggml.tokens", kArray, texts({"<unk>", "<s>", "▁", "a", "▁a", "<0x62>"})),
      pair("tokenizer.ggml.scores", kArray, numbers<float>(kF32, {0, 0, -3, -2, -1, 0})),
      pair("tokenizer.ggml.token_type", kArray, numbers<int32_t>(kI32, {2, 3, 1, 1, 1, 6})),
      id_pair("tokenizer.ggml.bos_token_id", 1),
      id_pair("tokenizer.ggml.unknown_token_id", 0),
      id_pair("tokenizer.ggml.eos_token_id", UINT32_MAX),
  };
  const TempFile file(bytes.bytes());
  const Tokenizer tokenizer = Tokenizer::load(file.path());
  CHECK(tokenizer.encode("a ab") == std::vector<int32_t>{1, 4, 4, 5});
  CHECK(tokenizer.eos_id() == std::nullopt);
}

TEST_CASE("chat templates in a GGUF file", "[gguf]") {
  const TempFile file(byte_level().bytes());
  const auto chat = ChatTemplate::find(file.path());
  REQUIRE(chat);
  const std::vector<ChatMessage> messages = {{"user", "hi"}};
  CHECK(chat->render(messages) == "<s>hi|");
  ChatOptions loud;
  loud.template_name = "loud";
  CHECK(chat->render(messages, loud) == "HI");
  CHECK(chat->special_tokens().at("eos_token") == "</s>");

  const TempFile none(
      without(without(byte_level(), "tokenizer.chat_template"), "tokenizer.chat_templates").bytes());
  CHECK_FALSE(ChatTemplate::find(none.path()));
}

TEST_CASE("GGUF files without a tokenizer that kvhost has", "[gguf]") {
  CHECK_THAT(refusal(without(byte_level(), "tokenizer.ggml.model")),
             Catch::Contains("has no tokenizer; expected 'tokenizer.ggml.model'"));
  GgufBytes bert = without(byte_level(), "tokenizer.ggml.model");
  bert.pairs.push_back(text_pair("tokenizer.ggml.model", "bert"));
  CHECK_THAT(refusal(bert), Catch::Contains("'tokenizer.ggml.model' is 'bert'; expected gpt2"));
  CHECK_THAT(refusal(without(byte_level(), "tokenizer.ggml.tokens")),
             Catch::Contains("'tokenizer.ggml.tokens' is missing; expected an array of texts"));
}
