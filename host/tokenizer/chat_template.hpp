// SPDX-License-Identifier: Apache-2.0
// A conversation to the text a model was trained on, by the model's own template, as transformers'
// apply_chat_template renders it.
#pragma once

#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost {

struct ChatMessage {
  std::string role;  // system, user, assistant, tool, ...
  std::string content;
};

struct ChatOptions {
  bool add_generation_prompt = false;  // ends with what begins the assistant's answer
  std::string tools;                   // JSON array of tools; "": none
  std::string variables;               // JSON object of further variables (enable_thinking, ...)
  // Of a model with several templates. "": tool_use where tools are given and there is one, else
  // default.
  std::string template_name;
  std::function<std::tm()> clock;  // for strftime_now; empty: the local time
};

// Immutable; copies share everything. Concurrent calls are allowed.
class ChatTemplate {
 public:
  using SpecialTokens = std::map<std::string, std::string>;  // bos_token: <s>, eos_token: ...

  // The templates of a model's folder, where transformers looks: chat_template.jinja and
  // additional_chat_templates/, else tokenizer_config.json, else chat_template.json; or those of a
  // GGUF file. Empty when there are none. Throws Error(CannotLoad) for a file that cannot be read;
  // a template that cannot be parsed throws when it is rendered, so that the model still runs
  // without.
  static std::optional<ChatTemplate> find(const std::filesystem::path& model);

  // `name` is what messages call it. Throws Error(CannotLoad) with name, line and cause.
  static ChatTemplate parse(const std::string& source,
                            const std::string& name,
                            const SpecialTokens& tokens = {});

  // Special tokens are spelled out in the text: encode it with add_special = false. Throws
  // Error(CannotLoad) with the template's name, line and cause; where the template refuses the
  // conversation (raise_exception), Error(BadRequest) with its message.
  std::string render(std::span<const ChatMessage> messages, const ChatOptions& options = {}) const;

  // Messages with tool calls, content parts, ...: a JSON array of messages, or an object with
  // "messages" and, where it has them, "tools", "add_generation_prompt" and "variables", which
  // count instead of those of `options`. `where` is what errors call the text.
  std::string render_json(std::string_view text,
                          const ChatOptions& options = {},
                          const std::string& where = "messages") const;

  std::vector<std::string> names() const;  // default, tool_use, ...
  // Names, sources and special tokens. Templates with the same render alike, but for what they take
  // from the clock.
  std::string source() const;
  const SpecialTokens& special_tokens() const;

 private:
  struct Impl;
  static std::optional<ChatTemplate> of_gguf(const std::filesystem::path& file);
  explicit ChatTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

}  // namespace kvhost
