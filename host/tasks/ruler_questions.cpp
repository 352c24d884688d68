// SPDX-License-Identifier: Apache-2.0
#include "tasks/ruler_questions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "base/json_file.hpp"

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

}  // namespace

QuestionSet squad_questions(const std::string& text, const std::string& name) {
  return read_as(text, name, "SQuAD's JSON", squad);
}

QuestionSet hotpotqa_questions(const std::string& text, const std::string& name) {
  return read_as(text, name, "HotpotQA's JSON", hotpotqa);
}

}  // namespace kvhost::tasks
