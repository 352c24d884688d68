// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/output_files.hpp"
#include "format/gguf.hpp"
#include "input/paths.hpp"
#include "tokenizer/chat_template.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {

namespace {

struct TokenizeFlags {
  std::string tokenizer, model, prompt, prompt_file, chat, json;
  bool no_bos = false, lossy = false;
};

void check_source(const TokenizeFlags& flags) {
  if (flags.chat.empty()) return;
  if (!flags.prompt.empty() || !flags.prompt_file.empty())
    bad_request("--chat", "found together with a prompt; expected one of them");
}

std::string read_text(const TokenizeFlags& flags) {
  if (flags.prompt.empty() == flags.prompt_file.empty())
    bad_request("--prompt",
                flags.prompt.empty() ? "not given; expected -p TEXT or -f FILE"
                                     : "found together with --prompt-file; expected one of them");
  const std::string text =
      flags.prompt_file.empty() ? flags.prompt : read_file(flags.prompt_file, ExitCode::BadRequest);
  return flags.lossy ? sanitize_utf8(text) : text;
}

std::filesystem::path tokenizer_folder(const TokenizeFlags& flags) {
  if (!flags.tokenizer.empty() && !flags.model.empty())
    bad_request("--tokenizer", "found together with --model; expected one of them");
  return flags.tokenizer.empty() ? resolve_model(flags.model)
                                 : std::filesystem::path(flags.tokenizer);
}

// The conversation by the model's template. Its special tokens are spelled out in the text.
std::string render_chat(const TokenizeFlags& flags, const std::filesystem::path& folder) {
  const bool itself = std::filesystem::is_directory(folder) || is_gguf(folder);
  const auto chat = ChatTemplate::find(itself ? folder : folder.parent_path());
  if (!chat)
    cannot_load(folder.string(),
                "no chat template found; expected chat_template.jinja, or chat_template in "
                "tokenizer_config.json");
  return chat->render_json(read_file(flags.chat, ExitCode::BadRequest), {}, flags.chat);
}

// Errors about the text name where it came from.
std::vector<int32_t> encode(const Tokenizer& tokenizer,
                            const std::string& text,
                            const TokenizeFlags& flags) {
  try {
    return tokenizer.encode(text, /*add_special=*/!flags.no_bos && flags.chat.empty());
  } catch (const Error& e) {
    const std::string prefix = e.where() + ": ";
    throw Error(e.code(),
                !flags.chat.empty()         ? flags.chat
                : flags.prompt_file.empty() ? "--prompt"
                                            : flags.prompt_file,
                std::string(e.what()).substr(prefix.size()));
  }
}

// A piece on one line: quotes, with control characters escaped.
std::string shown(const std::string& piece) { return nlohmann::json(sanitize_utf8(piece)).dump(); }

void print_tokens(const Tokenizer& tokenizer, const std::vector<int32_t>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i)
    std::cout << std::setw(6) << i << ' ' << std::setw(8) << tokens[i] << "  "
              << shown(tokenizer.piece(tokens[i]))
              << (tokenizer.is_special(tokens[i]) ? "  (special)\n" : "\n");
  std::cout << tokens.size() << " tokens, " << tokenizer.describe() << '\n';
}

void write_tokens(const TokenizeFlags& flags,
                  const Tokenizer& tokenizer,
                  const std::string& text,
                  const std::vector<int32_t>& tokens) {
  nlohmann::json pieces = nlohmann::json::array();
  for (const int32_t token : tokens) pieces.push_back(tokenizer.piece(token));
  write_json(flags.json,
             {{"tokens", tokens},
              {"pieces", pieces},
              {"text", flags.chat.empty() ? tokenizer.decode(tokens) : text}});
}

int tokenize(const TokenizeFlags& flags) {
  check_source(flags);
  const std::string prompt = flags.chat.empty() ? read_text(flags) : "";
  check_output_file("--json", flags.json);
  const std::filesystem::path folder = tokenizer_folder(flags);
  const std::string text = flags.chat.empty() ? prompt : render_chat(flags, folder);
  const Tokenizer tokenizer = Tokenizer::load(folder);
  for (const auto& warning : tokenizer.warnings())
    std::fprintf(stderr, "kvhost: note: %s\n", warning.c_str());
  const std::vector<int32_t> tokens = encode(tokenizer, text, flags);
  if (!flags.json.empty()) write_tokens(flags, tokenizer, text, tokens);
  if (goes_to_stdout(flags.json)) return 0;
  if (!flags.chat.empty()) std::cout << text << (text.ends_with('\n') ? "\n" : "\n\n");
  print_tokens(tokenizer, tokens);
  return 0;
}

}  // namespace

Command tokenize_command() {
  return {
      "tokenize",
      "text to token ids, as the model's own tokenizer does it",
      "",
      "Special tokens are added as the tokenizer's post-processor says, unless --no-bos; to a "
      "conversation (--chat) its template adds them.",
      "kvhost tokenize -p 'Hello world'\n"
      "kvhost tokenize --model EleutherAI/pythia-410m -f book.txt --json tokens.json\n"
      "kvhost tokenize --model HuggingFaceTB/SmolLM2-135M-Instruct --chat messages.json",
      [](CLI::App& app) {
        auto flags = std::make_shared<TokenizeFlags>();
        const auto text = [&app, flags](const Flag& flag, std::string TokenizeFlags::*target) {
          add_text(app, flag, [flags, target](const std::string& v) { (*flags).*target = v; });
        };
        app.option_defaults()->group("Flags");
        text({"--tokenizer", "DIR", "A folder with tokenizer.json, or that file."},
             &TokenizeFlags::tokenizer);
        text({"--model", "DIR|NAME", "The tokenizer of this model. Default: the bundled model."},
             &TokenizeFlags::model);
        text({"-p,--prompt", "TEXT", "The text itself."}, &TokenizeFlags::prompt);
        text({"-f,--prompt-file", "FILE", "A UTF-8 text file."}, &TokenizeFlags::prompt_file);
        text({"--chat",
              "MESSAGES.json",
              "A conversation, rendered by the model's chat template: an array of messages, or an "
              "object with messages, tools, add_generation_prompt, variables."},
             &TokenizeFlags::chat);
        add_switch(
            app, {"--no-bos", "", "Add no special tokens."}, [flags] { flags->no_bos = true; });
        add_switch(app,
                   {"--lossy", "", "Replace bytes that are not UTF-8 instead of refusing them."},
                   [flags] { flags->lossy = true; });
        text({"--json",
              "FILE",
              "Write tokens, pieces and the text, decoded back or rendered; - = standard output."},
             &TokenizeFlags::json);
        return [flags] { return tokenize(*flags); };
      }};
}

}  // namespace kvhost
