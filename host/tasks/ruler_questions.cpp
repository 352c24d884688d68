// SPDX-License-Identifier: Apache-2.0
#include "tasks/ruler_questions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

using nlohmann::json;

size_t position_of(const Strings& sorted, const std::string& document) {
  return static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), document) -
                             sorted.begin());
}

Strings sorted(const std::set<std::string>& all) { return {all.begin(), all.end()}; }

// `read` may throw what the JSON library throws for a member that is missing or of another type.
template <class Read>
QuestionSet read_as(const std::string& text,
                    const std::string& name,
                    const std::string& expected,
                    Read read) {
  const json data = parse_json(text, name, ExitCode::CannotLoad);
  QuestionSet out;
  try {
    out = read(data);
  } catch (const json::exception& error) {
    cannot_load(name, "is not " + expected + ": " + error.what());
  }
  if (out.questions.empty()) cannot_load(name, "holds no questions; expected " + expected);
  return out;
}

QuestionSet squad(const json& data) {
  std::set<std::string> documents;
  for (const auto& article : data.at("data"))
    for (const auto& paragraph : article.at("paragraphs"))
      documents.insert(paragraph.at("context").get<std::string>());
  QuestionSet out{sorted(documents), {}};
  for (const auto& article : data.at("data")) {
    std::vector<size_t> near;
    for (const auto& paragraph : article.at("paragraphs"))
      near.push_back(position_of(out.documents, paragraph.at("context")));
    for (const auto& paragraph : article.at("paragraphs")) {
      const size_t own = position_of(out.documents, paragraph.at("context"));
      std::vector<size_t> others = near;
      others.erase(std::remove(others.begin(), others.end(), own), others.end());
      for (const auto& asked : paragraph.at("qas")) {
        if (asked.value("is_impossible", false)) continue;
        Strings answers;
        for (const auto& answer : asked.at("answers")) answers.push_back(answer.at("text"));
        if (!answers.empty())
          out.questions.push_back({asked.at("question"), answers, {own}, others});
      }
    }
  }
  return out;
}

std::string page(const json& titled) {
  std::string out = titled.at(0).get<std::string>() + "\n";
  for (const auto& sentence : titled.at(1)) out += sentence.get<std::string>();
  return out;
}

QuestionSet hotpotqa(const json& data) {
  std::set<std::string> documents;
  for (const auto& one : data)
    for (const auto& titled : one.at("context")) documents.insert(page(titled));
  QuestionSet out{sorted(documents), {}};
  for (const auto& one : data) {
    std::vector<size_t> own;
    for (const auto& titled : one.at("context"))
      own.push_back(position_of(out.documents, page(titled)));
    out.questions.push_back({one.at("question"), {one.at("answer").get<std::string>()}, own, {}});
  }
  return out;
}

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

}  // namespace

QuestionSet squad_questions(const std::string& text, const std::string& name) {
  return read_as(text, name, "SQuAD's JSON", squad);
}

QuestionSet hotpotqa_questions(const std::string& text, const std::string& name) {
  return read_as(text, name, "HotpotQA's JSON", hotpotqa);
}

RulerMaker questions_maker(const RulerData& data) {
  const QuestionSet& set = data.questions;
  if (set.questions.empty())
    bad_request("RULER's questions", "there are none; expected those of SQuAD or HotpotQA");
  size_t most = 0;
  for (const auto& asked : set.questions) most = std::max(most, asked.documents.size());
  RulerMaker maker;
  maker.make = [&set](size_t size, Random random, int64_t index) {
    if (index >= static_cast<int64_t>(set.questions.size()))
      bad_request("RULER's questions", "case " + std::to_string(index) + " is asked for; there are " +
                                           std::to_string(set.questions.size()) + " questions");
    const DocumentQuestion& asked = set.questions[static_cast<size_t>(index)];
    const std::string rule = "Answer the question based on the given documents. Only give me the "
                             "answer and do not output any other words.\n\n";
    Strings shown;
    const auto documents = chosen(set, asked, size, random);
    for (const size_t i : documents)
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
  };
  maker.sizes = {most, set.documents.size(), std::max<size_t>(most, 10)};
  maker.pieces = "documents";
  return maker;
}

}  // namespace kvhost::tasks
