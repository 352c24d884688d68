// SPDX-License-Identifier: Apache-2.0
#include "eval/cases.hpp"

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tasks/haystack.hpp"
#include "tasks/longbench.hpp"
#include "tasks/needle.hpp"
#include "tasks/shared_context.hpp"

namespace kvhost::eval {

namespace {

using tasks::Case;

void add(std::vector<Case>& all, std::vector<Case> more) {
  for (auto& one : more) all.push_back(std::move(one));
}

std::vector<Case> ruler(const QuestionTask& task, const tasks::CountTokens& count) {
  std::vector<Case> out;
  for (const auto& name : task.ruler_tasks) {
    const tasks::RulerData data = tasks::read_ruler_data(name, task.data);
    for (const int64_t length : task.lengths)
      add(out, tasks::ruler_cases({name, length, task.n_cases, task.seed}, data, count));
  }
  return out;
}

std::vector<Case> needle(const QuestionTask& task, const tasks::CountTokens& count) {
  tasks::NeedleRequest request;
  request.needle = task.needle;
  request.question = task.question;
  request.answer_prefix = task.answer_prefix;
  request.answers = task.answers;
  request.lengths = task.lengths;
  request.depths = task.depths;
  return tasks::needle_cases(
      request, tasks::read_ruler_data("niah_single_2", task.data).haystack, count);
}

std::vector<Case> shared_needles(const QuestionTask& task, const tasks::CountTokens& count) {
  const tasks::RulerData data = tasks::read_ruler_data("niah_multiquery", task.data);
  std::vector<Case> out;
  for (const int64_t length : task.lengths)
    add(out,
        tasks::shared_needle_cases(
            {task.n_cases, task.n_questions, length, task.seed}, data, count));
  return out;
}

}  // namespace

std::vector<Case> cases_of(const QuestionTask& task, const Model& model) {
  const tasks::CountTokens count = [&](std::string_view text) {
    return static_cast<int64_t>(model.encode(text, /*add_special=*/false).size());
  };
  switch (task.source) {
    case QuestionSource::Ruler:
      return ruler(task, count);
    case QuestionSource::Needle:
      return needle(task, count);
    case QuestionSource::SharedNeedles:
      return shared_needles(task, count);
    default:
      break;
  }
  std::vector<Case> out;
  for (const auto& file : task.files)
    add(out,
        task.source == QuestionSource::LongBench ? tasks::longbench_cases(file, task.most)
        : task.source == QuestionSource::InfiniteBench
            ? tasks::infinitebench_cases(file, "", task.most)
            : tasks::shared_context_cases(file));
  return out;
}

std::vector<tasks::InstructionCase> cases_of(const InstructionTask& task) {
  tasks::InstructionRequest request;
  request.n_instructions = task.n_instructions;
  request.n_cases = task.n_cases;
  request.seed = task.seed;
  request.topics = task.topics;
  request.max_new_tokens = task.max_new_tokens;
  request.words = tasks::word_list(read_file(task.words, ExitCode::BadRequest));
  return tasks::instruction_cases(request);
}

}  // namespace kvhost::eval
