// SPDX-License-Identifier: Apache-2.0
#include "cli/document.hpp"

#include "base/error.hpp"
#include "input/demo_prompts.hpp"
#include "input/stdin_text.hpp"
#include "input/token_file.hpp"

namespace kvhost {
namespace {

constexpr const char* kConversationFact = "conversation";

// A bundled prompt without the question that it ends with.
Document bundled_document(const Job& job, const RunOptions& options, Conversation conversation) {
  const std::filesystem::path dir = job.model.facts().path;
  const DemoPrompt demo = load_demo(dir, options.prompt.demo.value_or(kDefaultDemo));
  std::string text = demo.text;
  if (!demo.question.empty() && text.ends_with(demo.question))
    text.resize(text.size() - demo.question.size());
  Document document{{}, std::move(conversation), demo.title, demo.expect, demo.question};
  document.tokens = document.conversation.document(text, /*add_special=*/!options.prompt.no_bos);
  return document;
}

std::string title_of(const PromptOptions& prompt) {
  if (prompt.text) return "--prompt";
  if (prompt.file.empty() || prompt.file == "-") return "standard input";
  return prompt.file.filename().string();
}

Document text_document(const RunOptions& options, Conversation conversation) {
  Document document{{}, std::move(conversation), title_of(options.prompt), "", ""};
  PromptOptions from = options.prompt;
  if (!names_prompt(from)) from.file = "-";
  const std::string text = read_text(from);
  try {
    document.tokens = document.conversation.document(text, /*add_special=*/!from.no_bos);
  } catch (const Error& e) {
    if (e.code() != ExitCode::BadRequest) throw;
    throw Error(e.code(), document.title, e.what());
  }
  return document;
}

}  // namespace

Document read_document(const Job& job, const RunOptions& options, std::optional<bool> chat) {
  const PromptOptions& prompt = options.prompt;
  if (!prompt.tokens_file.empty()) {
    Document document{{}, Conversation(job.model, false, {}), prompt.tokens_file.string(), "", ""};
    document.tokens = read_token_file(prompt.tokens_file, job.model.vocab_size());
    return document;
  }
  Conversation conversation(job.model, chat, prompt.system);
  if (!prompt.cache.empty()) return {{}, std::move(conversation), prompt.cache.string(), "", ""};
  Document document = prompt.demo || (!names_prompt(prompt) && !stdin_has_text())
                          ? bundled_document(job, options, std::move(conversation))
                          : text_document(options, std::move(conversation));
  if (prompt.max_tokens && static_cast<int64_t>(document.tokens.size()) > *prompt.max_tokens)
    document.tokens.resize(static_cast<size_t>(*prompt.max_tokens));
  if (document.tokens.empty())
    bad_request(document.title, "holds no tokens; expected at least one");
  check_context(job.model, static_cast<int64_t>(document.tokens.size()));
  return document;
}

Document read_talk(const Job& job, const RunOptions& options, std::optional<bool> chat) {
  const PromptOptions& prompt = options.prompt;
  if (names_prompt(prompt) || !prompt.cache.empty() || prompt.demo)
    return read_document(job, options, chat);
  if (!demo_names(job.model.facts().path).empty()) {
    RunOptions bundled = options;  // what stands on standard input are questions
    bundled.prompt.demo = kDefaultDemo;
    return read_document(job, bundled, chat);
  }
  Document talk{{}, Conversation(job.model, chat, prompt.system), "", "", ""};
  if (!talk.conversation.has_template())
    bad_request("--prompt",
                "nothing to talk about is named and " + job.model.facts().path +
                    " has no chat template to begin with; expected -f FILE or -p TEXT");
  talk.tokens = talk.conversation.beginning();
  return talk;
}

Sequence open_document(const Job& job,
                       const RunOptions& options,
                       Document& document,
                       const Policy& policy,
                       const JobCallbacks& callbacks,
                       std::string_view phase) {
  const auto& file = options.prompt.cache;
  if (!file.empty()) {
    Sequence sequence = Sequence::load(file, job.model, policy, job.sequence);
    const auto state = sequence.facts().find(kConversationFact);
    if (state != sequence.facts().end())
      document.conversation.restore(state->second, file.string());
    document.tokens = sequence.tokens();
    return sequence;
  }
  Sequence sequence(job.model, policy, job.sequence);
  sequence.prefill(document.tokens, [&](double share) {
    if (callbacks.progress) callbacks.progress(phase, share);
  });
  return sequence;
}

std::map<std::string, std::string> document_facts(const Conversation& conversation) {
  return {{kConversationFact, conversation.state()}};
}

}  // namespace kvhost
