// SPDX-License-Identifier: Apache-2.0
// kvhost tokenize --chat: a conversation by the template of a model's folder.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "program.hpp"

namespace fs = std::filesystem;
using kvhost::test::Outcome;
using kvhost::test::run_program;
using kvhost::test::Scratch;

namespace {

// A model's folder: the small tokenizer, which adds special tokens of its own, and a template.
void write_model(const Scratch& scratch) {
  const fs::path from = fs::path(KVHOST_TEST_DATA) / "host/tokenizer/small";
  fs::create_directories(scratch.folder() / "model");
  fs::copy(from / "tokenizer.json", scratch.folder() / "model/tokenizer.json");
  fs::create_directories(scratch.folder() / "bare");
  fs::copy(from / "tokenizer.json", scratch.folder() / "bare/tokenizer.json");
  scratch.write("model/chat_template.jinja",
                "{% for m in messages %}\n"
                "{%- if m.role == 'critic' %}{{ raise_exception('no critics') }}{% endif %}\n"
                "[{{ m.role }}] {{ m.content }}\n"
                "{% endfor %}\n"
                "{% if add_generation_prompt %}[assistant]{% endif %}\n");
}

Outcome tokenize(const Scratch& scratch, const std::string& messages, const char* model = "model") {
  scratch.write("messages.json", messages);
  return run_program({"tokenize", "--tokenizer", model, "--chat", "messages.json", "--json", "-"},
                     scratch.folder());
}

void check_message(const Outcome& outcome, int exit_code, const std::string& message) {
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  CHECK(outcome.err == "kvhost: error: " + message + "\n");
}

}  // namespace

TEST_CASE("tokenize --chat gives the rendered text and its ids, with nothing added") {
  const Scratch scratch;
  write_model(scratch);
  const Outcome chat = tokenize(
      scratch,
      R"({"messages": [{"role": "user", "content": "the cat"}], "add_generation_prompt": true})");
  REQUIRE(chat.exit_code == 0);
  const auto found = nlohmann::json::parse(chat.out);
  CHECK(found["text"] == "[user] the cat\n[assistant]");
  const Outcome plain = run_program({"tokenize",
                                     "--tokenizer",
                                     "model",
                                     "--no-bos",
                                     "-p",
                                     "[user] the cat\n[assistant]",
                                     "--json",
                                     "-"},
                                    scratch.folder());
  CHECK(found["tokens"] == nlohmann::json::parse(plain.out)["tokens"]);
  CHECK(found["pieces"] == nlohmann::json::parse(plain.out)["pieces"]);
}

TEST_CASE("tokenize --chat refuses in one line") {
  const Scratch scratch;
  write_model(scratch);
  check_message(tokenize(scratch, R"([{"role": "critic"}])"),
                2,
                "model/chat_template.jinja, line 2: no critics");
  check_message(tokenize(scratch, "[1]"),
                2,
                "messages.json/0: is int; expected an object with role and content");
  check_message(tokenize(scratch, "[]", "bare"),
                3,
                "bare: no chat template found; expected chat_template.jinja, or chat_template in "
                "tokenizer_config.json");
  scratch.write("model/chat_template.jinja", "a\n{% if %}");
  check_message(tokenize(scratch, "[]"),
                3,
                "model/chat_template.jinja, line 2: Expected an expression, got '%}'");
  check_message(
      run_program({"tokenize", "--tokenizer", "model", "--chat", "m", "-p", "x"}, scratch.folder()),
      2,
      "--chat: found together with a prompt; expected one of them");
}
