// SPDX-License-Identifier: Apache-2.0
// Many instructions in one prompt, each of which a program can check (the kinds and their checks
// are those of IFEval, arXiv:2311.07911), and how many an answer follows, by position: what a
// compression forgets are instructions somewhere in the middle.
#pragma once

#include <cstdint>
#include <vector>

#include "tasks/case.hpp"

namespace kvhost::tasks {

struct Instruction {
  std::string kind;   // "keyword", "min_words", ...: instruction_kinds()
  std::string text;   // as the model reads it
  Strings words;      // that it names
  int64_t count = 0;  // that it names
};

struct InstructionCase {
  // Instructions are what is read and compressed; the question asks for a text that follows them.
  // Its metric is not used: instructions are scored by followed() below. Spans mark each of them.
  Case asked;
  std::vector<Instruction> instructions;  // in the order of the prompt
};

struct InstructionRequest {
  int64_t n_instructions = 10;
  int64_t n_cases = 1;
  uint64_t seed = 42;
  Strings topics;  // what texts are asked about; "a day at the sea"
  Strings words;   // that keywords are drawn from, different and in lower case
  int64_t max_new_tokens = 400;
};

// No instruction of a case contradicts another. Throws Error where words or topics are too few.
std::vector<InstructionCase> instruction_cases(const InstructionRequest& request);

// Whether an answer does what it was told. An empty answer follows nothing.
bool follows(const Instruction& instruction, const std::string& answer);

enum class Strictness {
  Strict,
  Loose  // also without its first line, its last line, or its asterisks, as IFEval's loose accuracy
};
std::vector<bool> followed(const std::vector<Instruction>& instructions,
                           const std::string& answer,
                           Strictness strictness);
double followed_share(const std::vector<bool>& followed);

// Share followed in each of n_parts equal stretches of the prompts, over all cases; NaN for a
// stretch without an instruction.
std::vector<double> followed_by_position(const std::vector<std::vector<bool>>& cases,
                                         int64_t n_parts);

const Strings& instruction_kinds();

}  // namespace kvhost::tasks
