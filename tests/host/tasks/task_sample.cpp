// SPDX-License-Identifier: Apache-2.0
// Cases as JSON lines, for tests/oracle/tasks_compare.py. A token is a word.
//   task_sample ruler TASK LENGTH N SEED HAYSTACK SQUAD HOTPOTQA
//   task_sample longbench|infinitebench ROWS ANSWERS     ANSWERS: a JSON list, scored one by one
#include <iostream>

#include "base/error.hpp"
#include "task_texts.hpp"
#include "tasks/longbench.hpp"

namespace {

using namespace kvhost;

void print(const tasks::Case& one, const nlohmann::json& score) {
  std::cout << nlohmann::json({{"id", one.id},
                               {"task", one.task},
                               {"context", tasks::read_text(one)},
                               {"question", one.question},
                               {"answer_prefix", one.answer_prefix},
                               {"answers", one.answers},
                               {"max_new_tokens", one.max_new_tokens},
                               {"score", score}})
                   .dump()
            << '\n';
}

void ruler(char** argv) {
  const tasks::RulerRequest request = {
      argv[0], std::stoll(argv[1]), std::stoll(argv[2]), std::stoull(argv[3])};
  const auto data = tasks::read_ruler_data(request.task, {argv[4], {}, argv[5], argv[6]});
  for (const auto& one : tasks::ruler_cases(request, data, testing::count_words))
    print(one, nullptr);
}

void scored(const std::vector<tasks::Case>& cases, const std::string& answers_file) {
  const auto answers = read_json(answers_file, ExitCode::CannotLoad);
  for (size_t i = 0; i < cases.size(); ++i)
    print(cases[i], tasks::score(cases[i], answers.at(i).get<std::string>()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  try {
    if (kind == "ruler" && argc == 9) {
      ruler(argv + 2);
    } else if (kind == "longbench" && argc == 4) {
      scored(tasks::longbench_cases(argv[2]), argv[3]);
    } else if (kind == "infinitebench" && argc == 4) {
      scored(tasks::infinitebench_cases(argv[2]), argv[3]);
    } else {
      std::cerr << "task_sample: see the head of task_sample.cpp\n";
      return 2;
    }
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
