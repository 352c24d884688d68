// SPDX-License-Identifier: Apache-2.0
// One text, several questions: it is read and compressed once, and every question is asked of it,
// each of a fork or one after the other as a conversation. The cases of one text read the same, so
// that by_text() (case.hpp) puts them together.
#pragma once

#include <filesystem>
#include <vector>

#include "tasks/case.hpp"
#include "tasks/ruler.hpp"

namespace kvhost::tasks {

// From a file of a user: a JSON object with
//   context | context_file   the text, or a file's name, relative to this one
//   before, after            instructions around it (optional)
//   name                     how its cases are called (optional: the file's)
//   questions                a list of {question, answers, and optionally answer_prefix, metric,
//                            max_new_tokens}
// A question is given to the model as it stands, with the line ends it begins and ends with.
std::vector<Case> shared_context_cases(const std::filesystem::path& file);

struct SharedNeedles {
  int64_t n_texts = 1;
  int64_t n_questions = 4;  // of each text, each for a needle of its own, 1 to 40
  int64_t length = 4096;    // tokens of the text, the longest question and its answer's room
  uint64_t seed = 42;
};

// RULER's needles in its essay form, every key asked for by a question of its own. `data` holds a
// haystack and words (read_ruler_data of "niah_multiquery").
std::vector<Case> shared_needle_cases(const SharedNeedles& request,
                                      const RulerData& data,
                                      const CountTokens& count);

}  // namespace kvhost::tasks
