// SPDX-License-Identifier: Apache-2.0
#include "runtime/prompt.hpp"

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "input/demo_prompts.hpp"
#include "input/token_file.hpp"

namespace kvhost {
namespace {

// `where` names the source of the text in errors.
std::vector<int32_t> encode(const PromptOptions& options,
                            const Tokenizer& tokenizer,
                            const std::string& where,
                            const std::string& text) {
  try {
    return tokenizer.encode(options.lossy ? sanitize_utf8(text) : text,
                            /*add_special=*/!options.no_bos);
  } catch (const Error& e) {
    throw Error(e.code(), where, e.what());
  }
}

std::string default_demo(const std::filesystem::path& model_dir) {
  if (demo_names(model_dir).empty())
    bad_request("--prompt",
                "no prompt was given and " + model_dir.string() +
                    " brings none; expected --prompt, --prompt-file or --tokens-file");
  return kDefaultDemo;
}

}  // namespace

Prompt read_prompt(const PromptOptions& options,
                   const std::filesystem::path& model_dir,
                   const Tokenizer* tokenizer,
                   int64_t vocab_size) {
  Prompt prompt;
  if (!options.tokens_file.empty()) {
    prompt.tokens = read_token_file(options.tokens_file, vocab_size);
  } else if (options.text) {
    prompt.tokens = encode(options, *tokenizer, "--prompt", *options.text);
  } else if (!options.file.empty()) {
    prompt.tokens = encode(
        options, *tokenizer, options.file.string(), read_file(options.file, ExitCode::BadRequest));
  } else {
    const DemoPrompt demo =
        load_demo(model_dir, options.demo ? *options.demo : default_demo(model_dir));
    prompt.tokens = encode(options, *tokenizer, "--demo " + demo.name, demo.text);
    prompt.title = demo.title + (demo.source.empty() ? "" : " (" + demo.source + ")");
    prompt.expect = demo.expect;
    prompt.wanted_new_tokens = demo.max_new_tokens;
  }
  if (options.max_tokens && static_cast<int64_t>(prompt.tokens.size()) > *options.max_tokens)
    prompt.tokens.resize(static_cast<size_t>(*options.max_tokens));
  if (prompt.tokens.empty()) bad_request("--prompt", "holds no tokens; expected at least one");
  for (const int32_t token : prompt.tokens)
    if (token < 0 || token >= vocab_size)
      cannot_load(model_dir.string(),
                  "the tokenizer gives the id " + std::to_string(token) +
                      " while the model knows ids below " + std::to_string(vocab_size) +
                      "; expected a tokenizer and a model that belong together");
  return prompt;
}

}  // namespace kvhost
