// SPDX-License-Identifier: Apache-2.0
// The needle in a haystack: one sentence in a text, at every depth of every length.
#pragma once

#include <vector>

#include "tasks/case.hpp"

namespace kvhost::tasks {

struct NeedleRequest {
  std::string needle;    // a whole sentence
  std::string question;  // with the spaces or line ends before it
  std::string answer_prefix;
  Strings answers;
  std::string metric = "string_match_part";
  int64_t max_new_tokens = 50;
  std::string before;            // instructions ahead of the text
  std::vector<int64_t> lengths;  // tokens of the prompt and of the answer's room together
  std::vector<double> depths;    // 0: ahead of the text; 100: behind it
};

// Length by length, depth by depth. The needle stands between two sentences, where its depth in
// bytes is nearest to the wanted one. A haystack that is too short, or that holds the needle or an
// answer itself, is an Error.
std::vector<Case> needle_cases(const NeedleRequest& request,
                               const Strings& haystack,  // words
                               const CountTokens& count);

}  // namespace kvhost::tasks
