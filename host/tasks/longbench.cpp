// SPDX-License-Identifier: Apache-2.0
#include "tasks/longbench.hpp"

#include "base/text.hpp"
#include "tasks/longbench_table.hpp"
#include "tasks/rows.hpp"

namespace kvhost::tasks {

namespace {

std::string dataset_of(const Row& row) {
  std::string name = row.text("dataset");
  for (const std::string_view end : {"_e", "-e"})  // LongBench-E
    if (name.ends_with(end)) return name.substr(0, name.size() - end.size());
  return name;
}

const LongbenchTask& task_of(const Row& row) {
  const std::string name = dataset_of(row);
  for (const LongbenchTask& task : longbench_table())
    if (task.name == name) return task;
  if (name == "multifieldqa_zh" || name == "dureader" || name == "vcsum")
    row.refuse("'" + name + "' is scored in Chinese words, which kvhost cannot tell apart; take " +
               "one of " + join(longbench_tasks(), ", "));
  row.refuse("there is no data set '" + name + "'; expected one of " +
             join(longbench_tasks(), ", ") + did_you_mean(name, longbench_tasks()));
}

std::string asked(const LongbenchTask& task, std::string input) {
  if (!task.asks_input) return std::string(task.ask);
  if (!task.input_ends.empty() && input.ends_with(task.input_ends))
    input.resize(input.size() - task.input_ends.size());
  return std::string(task.ask) + input + std::string(task.ask_after);
}

}  // namespace

Strings longbench_tasks() {
  Strings names;
  for (const LongbenchTask& task : longbench_table()) names.emplace_back(task.name);
  return names;
}

std::vector<Case> longbench_cases(const std::filesystem::path& file, int64_t most) {
  std::vector<Case> cases;
  for (const Row& row : read_rows(file, most)) {
    const LongbenchTask& task = task_of(row);
    Case one;
    one.id = row.text("dataset") + "/" + row.text_or("_id", std::to_string(cases.size()));
    one.task = task.name;
    one.before = task.before;
    one.context = row.text("context");
    one.after = task.after;
    one.question = asked(task, row.text("input"));
    one.answer_prefix = task.answer_prefix;
    one.answers = row.texts("answers");
    if (one.answers.empty()) row.refuse("'answers' is empty; expected one or more");
    one.metric = task.metric;
    if (row.has("all_classes")) one.classes = row.texts("all_classes");
    if (one.metric == "classification" && one.classes.empty())
      row.refuse("has no 'all_classes'; " + one.task + " is scored with them");
    one.max_new_tokens = task.max_new_tokens;
    one.first_line = task.first_line;
    one.length = row.integer_or("length", 0);
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace kvhost::tasks
