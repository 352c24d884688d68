// SPDX-License-Identifier: Apache-2.0
// What stands around a user's text in the model's chat template, as token ids.
#include <algorithm>

#include "base/error.hpp"
#include "engine/model_state.hpp"
#include "tokenizer/chat_template.hpp"

namespace kvhost {
namespace {

// Two stand-ins with a line between them, so that no template joins them; kvpress's KVzip renders
// the same.
constexpr const char* kText = "dummy context";
constexpr const char* kSeparator = "\n#############";

ModelState::Frame render(const ChatTemplate& chat,
                         const Tokenizer& tokenizer,
                         const std::string& where) {
  ChatOptions options;
  options.add_generation_prompt = true;
  options.variables = R"({"enable_thinking": false})";
  const std::vector<ChatMessage> messages = {{"user", std::string(kText) + kSeparator}};
  const std::string whole = chat.render(messages, options);
  const size_t text = whole.find(kText), separator = whole.find(kSeparator);
  if (text == std::string::npos || separator == std::string::npos)
    cannot_load(
        where, "its chat template does not show a user's message as it is; expected one that does");
  return {tokenizer.encode(whole.substr(0, text), /*add_special=*/false),
          tokenizer.encode(whole.substr(separator + std::string(kSeparator).size()),
                           /*add_special=*/false)};
}

}  // namespace

const ModelState::Frame& ModelState::frame() const {
  std::call_once(frame_once_, [this] {
    if (!tokenizer) return;
    const auto chat = ChatTemplate::find(facts.path);
    if (chat)
      frame_ = render(*chat, *tokenizer, facts.path);
    else
      frame_.suffix = tokenizer->encode("\n", /*add_special=*/false);
  });
  return frame_;
}

SeenPrompt ModelState::prompt(std::span<const int32_t> tokens) const {
  SeenPrompt prompt;
  prompt.tokens = tokens;
  if (!tokenizer) return prompt;
  const std::vector<int32_t>& prefix = frame().prefix;
  const bool templated =
      tokens.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), tokens.begin());
  if (templated) prompt.n_template = static_cast<int64_t>(prefix.size());
  prompt.suffix = frame().suffix;
  prompt.tokenize = [this](const std::string& text) {
    return tokenizer->encode(text, /*add_special=*/false);
  };
  return prompt;
}

}  // namespace kvhost
