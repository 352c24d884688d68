// SPDX-License-Identifier: Apache-2.0
// A prompt as methods see it: its tokens, what they are parts of, and the model's tokenizer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kvhost/prompt.h"

namespace kvhost {

struct SeenPrompt {
  std::span<const int32_t> tokens;  // borrowed
  int64_t n_template = 0;           // of its first tokens: what the chat template puts in front
  int64_t n_question = 0;           // of its last tokens: what asks about those before
  std::vector<int32_t> suffix;      // what a template puts between a user's text and the answer
  // Nothing put around the text; empty where the model has no tokenizer.
  std::function<std::vector<int32_t>(const std::string& text)> tokenize;
};

// The C form. Borrows the prompt, which must not change.
class PromptView {
 public:
  explicit PromptView(const SeenPrompt& prompt);
  PromptView(const PromptView&) = delete;
  PromptView& operator=(const PromptView&) = delete;
  const kvh_prompt* get() const { return &view_; }

 private:
  std::vector<kvh_prompt_part> parts_;
  kvh_prompt view_{};
};

}  // namespace kvhost
