// SPDX-License-Identifier: Apache-2.0
// The prompt as token ids, from wherever the user pointed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "input/options.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {

struct Prompt {
  std::vector<int32_t> tokens;
  std::string title;              // of a bundled prompt, or ""
  std::string expect;             // the answer a bundled prompt asks for, or ""
  int64_t wanted_new_tokens = 0;  // what a bundled prompt suggests; 0: nothing
};

// No prompt options at all = the default bundled prompt when `model_dir` is a bundled model;
// otherwise an Error.
// `tokenizer` may be null with a tokens file.
Prompt read_prompt(const PromptOptions& options,
                   const std::filesystem::path& model_dir,
                   const Tokenizer* tokenizer,
                   int64_t vocab_size);

}  // namespace kvhost
