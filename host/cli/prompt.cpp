// SPDX-License-Identifier: Apache-2.0
#include "cli/prompt.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "input/conversation.hpp"
#include "input/demo_prompts.hpp"
#include "input/stdin_text.hpp"
#include "input/token_file.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {
namespace {

struct Source {
  std::string text, where;  // `where` names it in errors
};

Source read_source(const PromptOptions& options) {
  if (options.text) return {*options.text, "--prompt"};
  if (options.file == "-") return {read_stdin(), "standard input"};
  return {read_file(options.file, ExitCode::BadRequest), options.file.string()};
}

std::vector<int32_t> encode(const PromptOptions& options,
                            const Source& source,
                            const Model& model) {
  try {
    const std::string text = options.lossy ? sanitize_utf8(source.text) : source.text;
    if (options.chat) return encode_message(model, options.system, text);
    return model.encode(text, /*add_special=*/!options.no_bos);
  } catch (const Error& e) {
    if (e.code() == ExitCode::CannotLoad) throw;
    throw Error(e.code(), source.where, e.what());
  }
}

std::string default_demo(const std::filesystem::path& model_dir) {
  if (demo_names(model_dir).empty())
    bad_request("--prompt",
                "no prompt was given and " + model_dir.string() +
                    " brings none; expected --prompt, --prompt-file or --tokens-file");
  return kDefaultDemo;
}

// How many of the last tokens ask the question: those behind what the text before it begins with.
int64_t question_length(const PromptOptions& options,
                        const DemoPrompt& demo,
                        const std::vector<int32_t>& tokens,
                        const Model& model) {
  if (demo.question.empty() || options.chat || !demo.text.ends_with(demo.question)) return 0;
  const std::string before = demo.text.substr(0, demo.text.size() - demo.question.size());
  const auto context = model.encode(before, /*add_special=*/!options.no_bos);
  const auto [own, whole] =
      std::mismatch(context.begin(), context.end(), tokens.begin(), tokens.end());
  return tokens.end() - whole;
}

Prompt read_demo(const PromptOptions& options, const Model& model) {
  const std::filesystem::path dir = model.facts().path;
  const DemoPrompt demo = load_demo(dir, options.demo ? *options.demo : default_demo(dir));
  Prompt prompt;
  prompt.tokens = encode(options, {demo.text, "--demo " + demo.name}, model);
  prompt.title = demo.title + (demo.source.empty() ? "" : " (" + demo.source + ")");
  prompt.question = demo.question;
  prompt.expect = demo.expect;
  prompt.wanted_new_tokens = demo.max_new_tokens;
  prompt.n_question = question_length(options, demo, prompt.tokens, model);
  return prompt;
}

// A tokenizer may know more ids than the model.
void check_ids(const Prompt& prompt, const Model& model) {
  if (prompt.tokens.empty()) bad_request("--prompt", "holds no tokens; expected at least one");
  for (const int32_t token : prompt.tokens)
    if (token < 0 || token >= model.vocab_size())
      cannot_load(model.facts().path,
                  "the tokenizer gives the id " + std::to_string(token) +
                      " while the model knows ids below " + std::to_string(model.vocab_size()) +
                      "; expected a tokenizer and a model that belong together");
}

}  // namespace

bool names_prompt(const PromptOptions& options) {
  return options.text || options.demo || !options.file.empty() || !options.tokens_file.empty();
}

std::string read_text(const PromptOptions& options) {
  const Source source = read_source(options);
  return options.lossy ? sanitize_utf8(source.text) : source.text;
}

Prompt read_prompt(const PromptOptions& options, const Model& model) {
  Prompt prompt;
  if (!options.tokens_file.empty())
    prompt.tokens = read_token_file(options.tokens_file, model.vocab_size());
  else if (options.text || !options.file.empty())
    prompt.tokens = encode(options, read_source(options), model);
  else if (!options.demo && stdin_has_text())
    prompt.tokens = encode(options, {read_stdin(), "standard input"}, model);
  else
    prompt = read_demo(options, model);
  if (options.max_tokens && static_cast<int64_t>(prompt.tokens.size()) > *options.max_tokens) {
    prompt.tokens.resize(static_cast<size_t>(*options.max_tokens));
    prompt.n_question = 0;
  }
  check_ids(prompt, model);
  return prompt;
}

}  // namespace kvhost
