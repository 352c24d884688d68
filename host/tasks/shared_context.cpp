// SPDX-License-Identifier: Apache-2.0
#include "tasks/shared_context.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tasks/rows.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

std::string context_of(const Row& row, const std::filesystem::path& file) {
  if (row.has("context") == row.has("context_file"))
    row.refuse("expected one of 'context' and 'context_file'");
  if (row.has("context")) return row.text("context");
  return read_file(file.parent_path() / row.text("context_file"), ExitCode::CannotLoad);
}

// Tokens of a text with any of its questions.
int64_t longest(const std::vector<Case>& cases, const CountTokens& count) {
  int64_t out = 0;
  for (const Case& one : cases) out = std::max(out, count(prompt(one)) + one.max_new_tokens);
  return out;
}

}  // namespace

std::vector<Case> shared_context_cases(const std::filesystem::path& file) {
  const Row row = read_row(file);
  Case shared;
  shared.task = row.text_or("name", file.stem().string());
  shared.before = row.text_or("before", "");
  shared.context = context_of(row, file);
  shared.after = row.text_or("after", "");
  std::vector<Case> cases;
  for (const Row& asked : row.rows("questions")) {
    Case one = shared;
    one.id = shared.task + "/" + std::to_string(cases.size());
    one.question = asked.text("question");
    one.answer_prefix = asked.text_or("answer_prefix", "");
    one.answers = asked.texts("answers");
    if (one.answers.empty()) asked.refuse("'answers' is empty; expected one or more");
    one.metric = asked.text_or("metric", "string_match_part");
    find_metric(one.metric);
    one.max_new_tokens = asked.integer_or("max_new_tokens", 64);
    cases.push_back(std::move(one));
  }
  if (cases.empty()) row.refuse("'questions' is empty; expected one or more");
  return cases;
}

std::vector<Case> shared_needle_cases(const SharedNeedles& request,
                                      const RulerData& data,
                                      const CountTokens& count) {
  if (request.n_questions < 1 || request.n_questions > 40)
    bad_request("shared needles",
                std::to_string(request.n_questions) + " questions are asked for; expected 1 to 40");
  const RulerMaker maker = shared_needles_maker(request.n_questions, data);
  const std::string name = "shared_needles_" + std::to_string(request.n_questions) + "/" +
                           std::to_string(request.length);
  std::vector<Case> cases;
  Sizes sizes = maker.sizes;
  for (int64_t text = 0; text < request.n_texts; ++text) {
    const Random random(request.seed, name, static_cast<uint64_t>(text));
    const auto all = [&](size_t size) {
      std::vector<Case> out;
      for (int64_t i = 0; i < request.n_questions; ++i) out.push_back(maker.make(size, random, i));
      return out;
    };
    const auto size =
        largest_fit(sizes, request.length, [&](size_t n) { return longest(all(n), count); });
    if (!size || *size == sizes.high)
      bad_request("shared needles",
                  "a length of " + std::to_string(request.length) + " tokens takes " +
                      (size ? "more than" : "less than") + " the haystack has; change either");
    if (text == 0) sizes.guess = *size;
    for (Case& one : all(*size)) {
      one.id = name + "/" + std::to_string(text) + "/" +
               std::to_string(cases.size() % static_cast<size_t>(request.n_questions));
      one.task = "shared_needles";
      one.length = request.length;
      cases.push_back(std::move(one));
    }
  }
  return cases;
}

}  // namespace kvhost::tasks
