// SPDX-License-Identifier: Apache-2.0
// Questions from a file, answers to JSON.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/ask_job.hpp"
#include "input/limits.hpp"
#include "measure/report_json.hpp"

namespace kvhost {
namespace {

using nlohmann::json;

std::vector<int32_t> read_ids(const json& ids, const std::string& where, int64_t vocab_size) {
  std::vector<int32_t> tokens;
  if (!ids.is_array() || ids.empty())
    bad_request(where, "found " + quoted(ids.dump()) + "; expected an array of token ids");
  for (size_t i = 0; i < ids.size(); ++i)
    tokens.push_back(static_cast<int32_t>(integer_from_json(
        where + "/" + std::to_string(i), ids[i], {0, static_cast<double>(vocab_size) - 1})));
  return tokens;
}

Question read_question(const std::string& line, const std::string& where, int64_t vocab_size) {
  const json object = parse_json(line, where, ExitCode::BadRequest);
  if (!object.is_object())
    bad_request(where, "found " + quoted(line) + R"(; expected {"question": TEXT})");
  static const std::vector<std::string> known = {"question", "tokens", "expect"};
  Question question;
  for (const auto& [key, value] : object.items()) {
    const std::string at = where + " /" + key;
    if (std::find(known.begin(), known.end(), key) == known.end())
      bad_request(at,
                  "unknown key; expected question, tokens or expect" + did_you_mean(key, known));
    if (key == "tokens") {
      question.tokens = read_ids(value, at, vocab_size);
      continue;
    }
    if (!value.is_string()) bad_request(at, "found " + quoted(value.dump()) + "; expected a text");
    if (key == "question")
      question.text = value.get<std::string>();
    else
      question.expect = value.get<std::string>();
  }
  if (question.text.empty() == question.tokens.empty())
    bad_request(where, "holds neither or both of question and tokens; expected one of them");
  return question;
}

// Into the document's or, where it was read with each question, the answer's object.
void add_reading(json& out, const Reading& reading) {
  json n_kept = json::array();
  for (const auto& layer : reading.layers) n_kept.push_back(layer.n_kept);
  out["prefill_ms"] = reading.prefill_ms;
  out["n_kept"] = std::move(n_kept);
  out["cache_bytes_full"] = reading.memory.cache_bytes_full;
  out["cache_bytes_kept"] = reading.memory.cache_bytes_kept;
}

json budget_json(const BudgetReport& budget) {
  return {{"mode", budget.mode},
          {"value", budget.value},
          {"defaulted", budget.defaulted},
          {"entries_per_head", budget.entries_per_head},
          {"raised", budget.raised}};
}

json answer_json(const AskAnswer& answer) {
  const Generation& made = answer.generation;
  json out = {{"question", answer.question.text},
              {"n_question_tokens", answer.n_question_tokens},
              {"text", made.text},
              {"tokens", made.tokens},
              {"ttft_ms", made.timings.ttft_ms},
              {"tpot_ms", made.timings.tpot_ms},
              {"finish_reason", made.finish_reason},
              {"expect", nullptr}};
  if (answer.question.expect) {
    out["expect"] = *answer.question.expect;
    out["right"] = answer.right();
  }
  if (answer.reading) {
    add_reading(out, *answer.reading);
    out["budget"] = budget_json(answer.reading->budget);
  }
  if (answer.full)
    out["full"] = {{"text", answer.full->text},
                   {"tokens", answer.full->tokens},
                   {"ttft_ms", answer.full->timings.ttft_ms},
                   {"tpot_ms", answer.full->timings.tpot_ms},
                   {"finish_reason", answer.full->finish_reason}};
  return out;
}

}  // namespace

std::vector<Question> read_questions(const AskOptions& options, int64_t vocab_size) {
  if (!options.expects.empty() && options.expects.size() != options.questions.size())
    bad_request("--expect",
                "given " + std::to_string(options.expects.size()) + " times for " +
                    std::to_string(options.questions.size()) +
                    " questions; expected one for each -q, or none");
  std::vector<Question> questions;
  for (size_t i = 0; i < options.questions.size(); ++i) {
    questions.push_back({options.questions[i], {}, {}});
    if (!options.expects.empty()) questions.back().expect = options.expects[i];
  }
  if (!options.questions_file.empty()) {
    std::istringstream lines(read_file(options.questions_file, ExitCode::BadRequest));
    int64_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      const std::string where =
          options.questions_file.string() + ", line " + std::to_string(++number);
      if (line.find_first_not_of(" \t\r") != std::string::npos)
        questions.push_back(read_question(line, where, vocab_size));
    }
  }
  if (questions.empty())
    bad_request("--question", "no question was given; expected -q TEXT or --questions FILE");
  return questions;
}

std::string AskReport::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& answer : answers) list.push_back(answer_json(answer));
  nlohmann::json document = {{"title", title}, {"n_tokens", n_tokens}};
  if (reading) add_reading(document, *reading);
  nlohmann::json out = {{"schema", 1},
                        {"press", press},
                        {"plugins", to_json(plugins)},
                        {"question_aware", question_aware},
                        {"document", document},
                        {"answers", list},
                        {"warnings", warnings}};
  if (reading) out["budget"] = budget_json(reading->budget);
  return json_text(out, 2) + "\n";
}

}  // namespace kvhost
