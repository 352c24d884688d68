// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "fuzz/fuzz.hpp"
#include "tokenizer/chat_template.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {
namespace {

// What every tokenizer is asked: letters, marks, digits, spaces in runs, other scripts, its own
// special tokens.
constexpr const char* kTexts[] = {
    "",
    " ",
    "Hello, world! It's 2024.",
    "\t\t  \n\n a  b\xC2\xA0\xE2\x80\x83 c ",
    "\xC3\xA9\xCC\x81\xE4\xB8\xAD\xE6\x96\x87\xF0\x9F\x98\x80\xEF\xB7\xBA",
    "<s></s><|endoftext|><unk>a<0x0A>\xE2\x96\x81"};

void use(const std::filesystem::path& path) {
  const Tokenizer tokenizer = Tokenizer::load(path);
  (void)tokenizer.describe();
  for (const char* text : kTexts) {
    const auto ids = tokenizer.encode(text);
    (void)tokenizer.decode(ids, /*skip_special=*/false);
    StreamDecoder stream(tokenizer);
    for (const int32_t id : ids) (void)stream.push(id);
    (void)stream.flush();
  }
}

// What Jinja itself says of a template, with its line: its author knows these words, and the cure is
// at that line.
template <class Work>
void as_jinja_says(const Work& work) {
  try {
    work();
  } catch (const Error& e) {
    const bool of_template = e.where().find(", line ") != std::string::npos;
    throw Error(e.code(), of_template ? "template;" : e.where(), e.what());
  }
}

}  // namespace

FUZZ_TARGET(tokenizer_json, true) {
  fuzz::clear_folder();
  fuzz::file("tokenizer.json", input);
  use(fuzz::folder());
}

// tokenizer.json, and beside it what "=== NAME" begins: tokenizer_config.json, vocab.json,
// merges.txt, special_tokens_map.json, added_tokens.json, tekken.json, tokenizer.model.
FUZZ_TARGET(tokenizer_folder, true) {
  fuzz::files(input, "");
  use(fuzz::folder());
}

FUZZ_TARGET(sentencepiece, false) {
  fuzz::clear_folder();
  fuzz::file("tokenizer.model", input);
  use(fuzz::folder());
}

FUZZ_TARGET(chat_template, false) {
  const std::vector<ChatMessage> messages = {
      {"system", "Be brief."}, {"user", "Hello"}, {"assistant", "Hi"}, {"user", "Bye"}};
  ChatOptions options;
  options.add_generation_prompt = true;
  options.clock = [] { return std::tm{}; };
  as_jinja_says([&] {
    (void)ChatTemplate::parse(std::string(input), "template", {{"bos_token", "<s>"}})
        .render(messages, options);
  });
}

FUZZ_TARGET(chat_messages, true) {
  static const auto chat = ChatTemplate::parse(
      "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ m | tojson }}"
      "{% if m.tool_calls %}{% for t in m.tool_calls %}{{ t.function.arguments | tojson(indent=2) }}"
      "{% endfor %}{% endif %}{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}",
      "template",
      {{"bos_token", "<s>"}});
  as_jinja_says([&] { (void)chat.render_json(input); });
}

FUZZ_TARGET(template_files, true) {
  fuzz::files(input, "tokenizer_config.json");
  const std::vector<ChatMessage> messages = {{"user", "Hello"}};
  as_jinja_says([&] {
    const auto chat = ChatTemplate::find(fuzz::folder());
    if (chat) (void)chat->render(messages);
  });
}

}  // namespace kvhost
