// SPDX-License-Identifier: Apache-2.0
// Questions about documents, as RULER's qa tasks take them from SQuAD and HotpotQA.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kvhost::tasks {

using Strings = std::vector<std::string>;

struct DocumentQuestion {
  std::string question;
  Strings answers;
  std::vector<size_t> documents;  // that the answer is in
  std::vector<size_t> near;       // of the same article: shown before any other
};

struct QuestionSet {
  Strings documents;  // sorted, none twice
  std::vector<DocumentQuestion> questions;
};

// Of a file's text; `name` is what errors call it. Questions without an answer are left out.
QuestionSet squad_questions(const std::string& text, const std::string& name);
QuestionSet hotpotqa_questions(const std::string& text, const std::string& name);

}  // namespace kvhost::tasks
