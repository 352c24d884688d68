// SPDX-License-Identifier: Apache-2.0
// The prompt as token ids, from wherever the user pointed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/model.hpp"
#include "input/options.hpp"

namespace kvhost {

struct Prompt {
  std::vector<int32_t> tokens;
  std::string title;              // of a bundled prompt, or ""
  std::string question;           // that a bundled prompt ends with, or ""
  std::string expect;             // the answer a bundled prompt asks for, or ""
  int64_t wanted_new_tokens = 0;  // what a bundled prompt suggests; 0: nothing
  int64_t n_question = 0;         // of the last tokens, those of the question; 0: not known
};

// Some flag says what the prompt is.
bool names_prompt(const PromptOptions& options);

// No prompt options at all = text on standard input where there is some, else the default bundled
// prompt when the model is a bundled one; otherwise an Error.
Prompt read_prompt(const PromptOptions& options, const Model& model);

// The text of --prompt or --prompt-file (- is standard input), checked to be UTF-8 or mended by
// --lossy; errors name where it came from.
std::string read_text(const PromptOptions& options);

}  // namespace kvhost
