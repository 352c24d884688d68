// SPDX-License-Identifier: Apache-2.0
// RULER's questions: the documents that hold the answer among others.
#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

// `size` documents, the question's own among them, then its neighbours, then any others.
std::vector<size_t> chosen(const QuestionSet& set,
                           const DocumentQuestion& asked,
                           size_t size,
                           Random& random) {
  std::vector<size_t> out = asked.documents;
  const size_t wanted = size - out.size();
  if (wanted <= asked.near.size()) {
    for (const size_t i : random.sample(asked.near.size(), wanted)) out.push_back(asked.near[i]);
  } else {
    out.insert(out.end(), asked.near.begin(), asked.near.end());
    const std::set<size_t> taken(out.begin(), out.end());
    std::vector<size_t> others;
    for (size_t i = 0; i < set.documents.size(); ++i)
      if (!taken.count(i)) others.push_back(i);
    const size_t rest = std::min(size - out.size(), others.size());
    for (const size_t i : random.sample(others.size(), rest)) out.push_back(others[i]);
  }
  random.shuffle(out);
  return out;
}

Case question_case(const QuestionSet& set, size_t size, Random random, int64_t index) {
  if (index >= static_cast<int64_t>(set.questions.size()))
    bad_request("RULER's questions",
                "case " + std::to_string(index) + " is asked for; there are " +
                    std::to_string(set.questions.size()) + " questions");
  const DocumentQuestion& asked = set.questions[static_cast<size_t>(index)];
  const std::string rule =
      "Answer the question based on the given documents. Only give me the answer and do not output "
      "any other words.\n\n";
  Strings shown;
  for (const size_t i : chosen(set, asked, size, random))
    shown.push_back("Document " + std::to_string(shown.size() + 1) + ":\n" + set.documents[i]);
  Case one;
  one.before = rule + "The following are given documents.\n\n";
  one.context = join(shown, "\n\n");
  one.after = "\n\n";
  one.question = rule + "Question: " + asked.question;
  one.answer_prefix = " Answer:";
  one.answers = asked.answers;
  one.metric = "string_match_part";
  one.max_new_tokens = 32;
  for (const size_t i : asked.documents) mark(one, "document", set.documents[i]);
  return one;
}

}  // namespace

RulerMaker questions_maker(const RulerData& data) {
  const QuestionSet& set = data.questions;
  if (set.questions.empty())
    bad_request("RULER's questions", "there are none; expected those of SQuAD or HotpotQA");
  size_t most = 0;
  for (const auto& asked : set.questions) most = std::max(most, asked.documents.size());
  RulerMaker maker;
  maker.make = [&set](size_t size, Random random, int64_t index) {
    return question_case(set, size, random, index);
  };
  maker.sizes = {most, set.documents.size(), std::max<size_t>(most, 10)};
  maker.pieces = "documents";
  return maker;
}

}  // namespace kvhost::tasks
