// SPDX-License-Identifier: Apache-2.0
// Published chat templates against what transformers rendered
// (tests/oracle/chat_template_golden.py), and where templates are found.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "base/json_file.hpp"
#include "golden_chat.hpp"
#include "temp_folder.hpp"

namespace fs = std::filesystem;
using kvhost::ChatMessage;
using kvhost::ChatOptions;
using kvhost::ChatTemplate;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

fs::path goldens() { return fs::path(KVHOST_TEST_DATA) / "golden/chat_templates"; }

std::string text_file(const fs::path& path) {
  return kvhost::read_file(path, kvhost::ExitCode::CannotLoad);
}

std::vector<fs::path> folders() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(goldens()))
    if (entry.is_directory()) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

ordered_json conversations() {
  return ordered_json::parse(text_file(goldens() / "conversations.json"));
}

const std::vector<ChatMessage> kHello = {{"user", "hello"}};

kvhost::Error error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const kvhost::Error& error) {
    return error;
  }
  FAIL("nothing was thrown");
  throw;
}

}  // namespace

TEST_CASE("published templates render as transformers does it") {
  size_t templates = 0, texts = 0, refused = 0;
  for (const fs::path& folder : folders()) {
    const json cases = json::parse(text_file(folder / "cases.json"));
    for (ordered_json job : conversations()) {
      const std::string name = job["name"];
      job["template"] = text_file(folder / "template.jinja");
      job["tokens"] = cases["tokens"];
      const json answer = golden::render_chat(job);
      const json& expected = cases["cases"][name];
      INFO(folder.filename().string() << " " << name << "\ngave " << answer.dump()
                                      << "\nregenerate with " << cases["made_by"]);
      REQUIRE(expected.is_object());
      CHECK(expected.contains("text") == answer.contains("text"));
      if (expected.contains("text") && answer.contains("text"))
        CHECK(expected["text"].get<std::string>() == answer["text"].get<std::string>());
      if (expected.value("raised", false)) CHECK(expected["error"] == answer["error"]);
      ++(expected.contains("text") ? texts : refused);
    }
    ++templates;
  }
  CHECK(templates >= 30);
  CHECK(texts > 500);
  CHECK(refused > 50);
}

TEST_CASE("templates are found where transformers finds them") {
  const kvhost::test::TempFolder folder;
  CHECK_FALSE(ChatTemplate::find(folder.path()).has_value());

  folder.write("chat_template.json", R"({"chat_template": "processor"})");
  CHECK(ChatTemplate::find(folder.path())->render(kHello) == "processor");

  folder.write("tokenizer_config.json",
               R"({"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template": [
                 {"name": "default", "template": "{{ bos_token }}list{{ pad_token is defined }}"},
                 {"name": "tool_use", "template": "tools {{ tools|length }}"},
                 {"name": "broken", "template": "\n{% if %}"}]})");
  folder.write("special_tokens_map.json", R"({"eos_token": "<E>", "pad_token": "<p>"})");
  const auto several = ChatTemplate::find(folder.path());
  CHECK(several->names() == std::vector<std::string>{"broken", "default", "tool_use"});
  CHECK(several->special_tokens().at("eos_token") == "<E>");
  CHECK(several->render(kHello) == "<b>listTrue");
  ChatOptions with_tools;
  with_tools.tools = "[{}, {}]";
  CHECK(several->render(kHello, with_tools) == "tools 2");
  ChatOptions named;
  named.template_name = "broken";
  const auto broken = error_of([&] { several->render(kHello, named); });
  CHECK(broken.code() == kvhost::ExitCode::CannotLoad);
  CHECK(broken.where().find("tokenizer_config.json#/chat_template/2, line 2") != std::string::npos);
  named.template_name = "rag";
  CHECK(std::string(error_of([&] { several->render(kHello, named); }).what())
            .find("expected one of broken, default, tool_use") != std::string::npos);

  folder.write("additional_chat_templates/rag.jinja", "rag {{ documents[0].text }}");
  folder.write("chat_template.jinja", "file\n");
  const auto files = ChatTemplate::find(folder.path());
  CHECK(files->names() == std::vector<std::string>{"default", "rag"});
  CHECK(files->render(kHello) == "file");
  named.variables = R"({"documents": [{"text": "T"}]})";
  CHECK(files->render(kHello, named) == "rag T");
}

TEST_CASE("the special tokens map is not read beside added_tokens_decoder") {
  const kvhost::test::TempFolder folder;
  folder.write(
      "tokenizer_config.json",
      R"({"eos_token": "<e>", "added_tokens_decoder": {}, "chat_template": "{{ eos_token }}"})");
  folder.write("special_tokens_map.json", R"({"eos_token": "<E>"})");
  CHECK(ChatTemplate::find(folder.path())->render(kHello) == "<e>");
}

TEST_CASE("a conversation that is none is refused where it goes wrong") {
  const auto chat = ChatTemplate::parse("{{ messages[0].content }}", "t");
  const auto refused = [&](const std::string& messages, const ChatOptions& options = {}) {
    const auto error = error_of([&] { chat.render_json(messages, options, "m.json"); });
    CHECK(error.code() == kvhost::ExitCode::BadRequest);
    return std::string(error.what());
  };
  CHECK(refused("[1]").find("m.json/0: is int; expected an object") == 0);
  CHECK(refused("3").find("m.json: is int; expected an array") == 0);
  CHECK(refused("{}").find("m.json/messages: is NoneType; expected an array") == 0);
  CHECK(refused(R"({"message": []})").find("m.json/message: is not known; expected messages") == 0);
  CHECK(refused(R"({"messages": [], "add_generation_prompt": 1})").find("true or false") !=
        std::string::npos);
  CHECK(refused("[\n{]").find("m.json: not JSON at line 2, column 2") == 0);
  CHECK(refused("[18446744073709551616]").find("64 bits") != std::string::npos);
  CHECK(refused(std::string(1000, '[')).find("100 levels deep") != std::string::npos);
  ChatOptions options;
  options.tools = "{}";
  CHECK(refused("[{}]", options).find("tools: is dict; expected an array") == 0);
  options.tools = "";
  options.variables = R"({"messages": []})";
  CHECK(refused("[{}]", options).find("variables: sets messages") == 0);
  const std::vector<ChatMessage> broken = {{"user", "a\xff"}};
  CHECK(std::string(error_of([&] { chat.render(broken); }).what()) ==
        "message 0: not UTF-8 at byte 1; expected UTF-8");
}

TEST_CASE("an object with messages may bring tools, variables and the generation prompt") {
  const auto chat = ChatTemplate::parse(
      "{{ messages|length }}{{ tools }}{{ add_generation_prompt }}{{ q }}", "t");
  ChatOptions options;
  options.tools = "[1]";
  CHECK(chat.render_json(R"({"messages": [{}]})", options) == "1[1]False");
  CHECK(chat.render_json(R"({"messages": [{}, {}], "tools": [2], "add_generation_prompt": true,
                             "variables": {"q": "Q"}})",
                         options) == "2[2]TrueQ");
}

TEST_CASE("what a template refuses is the request's fault, what fails in it is not") {
  const auto refusing =
      ChatTemplate::parse("a\n{{ raise_exception('Roles must alternate') }}", "t");
  const auto error = error_of([&] { refusing.render(kHello); });
  CHECK(std::string(error.what()) == "t, line 2: Roles must alternate");
  CHECK(error.code() == kvhost::ExitCode::BadRequest);
  const auto failing = ChatTemplate::parse("{{ messages[5].content.x }}", "t");
  CHECK(error_of([&] { failing.render(kHello); }).code() == kvhost::ExitCode::CannotLoad);
}

TEST_CASE("templates with bytes changed, cut or doubled are rendered or refused") {
  std::mt19937 random(20261126);
  const auto below = [&random](size_t n) { return n == 0 ? 0 : random() % n; };
  const ordered_json all = conversations();
  static constexpr std::string_view kBytes = "{}%#-+|.,:()[]'\"\\ \n0129axif*/=~";
  size_t rendered = 0, refused = 0;
  for (const fs::path& folder : folders()) {
    const std::string source = text_file(folder / "template.jinja");
    for (int round = 0; round < 12; ++round) {
      std::string mutant = source;
      for (size_t edits = 1 + below(3); edits > 0; --edits) {
        const size_t at = below(mutant.size()), length = std::min(below(40), mutant.size() - at);
        switch (below(4)) {
          case 0:
            mutant[at] = kBytes[below(kBytes.size())];
            break;
          case 1:
            mutant.erase(at, length);
            break;
          case 2:
            mutant.insert(below(mutant.size()), mutant.substr(at, length));
            break;
          default:
            mutant.insert(at, 1, kBytes[below(kBytes.size())]);
        }
      }
      ordered_json job = all[below(all.size())];
      job["template"] = mutant;
      job["tokens"] = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
      ++(golden::render_chat(job).contains("text") ? rendered : refused);
    }
  }
  CHECK(rendered > 30);
  CHECK(refused > 30);
}
