// SPDX-License-Identifier: Apache-2.0
// RULER's 13 tasks, made from given texts and a seed (arXiv:2404.06654; github.com/NVIDIA/RULER,
// Apache-2.0, whose templates these are).
//
// What differs: the generator of random numbers; every case is filled up to the wanted length
// rather than in large steps; keys and counted words come from a given text and not from a
// package's lists; sentences end by a rule instead of NLTK's; where a text, a word list or a set of
// documents is too short, that is an error and it is not repeated.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tasks/case.hpp"
#include "tasks/ruler_questions.hpp"

namespace kvhost::tasks {

// What the tasks are made of. A task asks only for its own: a haystack for niah_* but niah_single_1
// and niah_multikey_2 and _3; words for niah_* and cwe; questions for qa_1 (SQuAD's) and qa_2
// (HotpotQA's).
struct RulerData {
  Strings haystack;  // its words, in order
  Strings words;     // to name things by, all different
  QuestionSet questions;
};

struct RulerFiles {
  std::filesystem::path haystack;  // plain text
  std::filesystem::path words;     // plain text whose words are taken; by default the haystack's
  std::filesystem::path squad;     // dev-v2.0.json of SQuAD
  std::filesystem::path hotpotqa;  // hotpot_dev_distractor_v1.json
};

// Throws Error for a file that `task` needs and that is not given or cannot be read.
RulerData read_ruler_data(const std::string& task, const RulerFiles& files);

struct RulerRequest {
  std::string task;
  int64_t length = 4096;  // tokens of the prompt and of the answer's room together
  int64_t n_cases = 1;
  uint64_t seed = 42;
};

const Strings& ruler_tasks();

// Case i is the same for any number of cases; the same request, data and tokenizer give the same
// text on every machine.
std::vector<Case> ruler_cases(const RulerRequest& request,
                              const RulerData& data,
                              const CountTokens& count);

}  // namespace kvhost::tasks
