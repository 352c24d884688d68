// SPDX-License-Identifier: Apache-2.0
// The texts are InfiniteBench's for models without a chat form (src/prompt.py, yarn_mistral).
#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tasks/longbench.hpp"
#include "tasks/python_text.hpp"
#include "tasks/rows.hpp"

namespace kvhost::tasks {

namespace {

// %i is the row's input, %o its four options, %c its function call, %f the function's name, %n what
// number is looked for.
struct InfinitebenchTask {
  std::string_view name, before, question, answer_prefix, metric;
  int64_t max_new_tokens;
};

constexpr InfinitebenchTask kTasks[] = {
    {"passkey",
     "There is an important info hidden inside a lot of irrelevant text. Find it and memorize "
     "them. I will quiz you about the important information there.\n\n",
     "%i",
     "\n\nThe pass key is",
     "first_integer",
     6},
    {"number_string",
     "There is an important info hidden inside a lot of irrelevant text. Find it. I will quiz you "
     "about the important information there.\n\n",
     "%i",
     "\n\nThe sequence of digits is",
     "first_integer",
     12},
    {"kv_retrieval",
     "Extract the value corresponding to the specified key in the JSON object below.\n\n",
     "%i",
     "",
     "word_match",
     50},
    {"longbook_sum_eng", "Summarize the book below.\n\n", "", "Summary:", "rouge_l", 1200},
    {"longbook_choice_eng",
     "Read the book and answer the question.\n\n",
     "Question: %i\n%o",
     "\n\nThe letter of the correct answer is",
     "letter_choice",
     40},
    {"longbook_qa_eng",
     "Read the book and answer the question. Be very concise in your answer.\n\n",
     "Question: %i\n",
     "Answer:",
     "token_f1",
     40},
    {"longbook_qa_chn", "阅读以下书籍然后回答问题。\n\n", "问题：%i\n", "答案：", "char_f1_zh", 40},
    {"longdialogue_qa_eng",
     "Below is a dialogue script where one random occurrence of a character name is replaced "
     "with \"$$MASK$$\", and you should try to guess who that character is.\n\n",
     "",
     "The name that has been replaced with $$MASK$$ is likely",
     "any_name",
     40},
    {"math_find", "What is %n in the following list?\n\n", "%i", "", "first_number", 3},
    {"math_calc",
     "Let us calculate the intermediate values of an expression.\n\nExpression: 1 + 3 + 4\n"
     "Values: [1, 4, 8]\n\nExpression: 8 - 3 + 2 - 4\nValues: [8, 5, 7, 3]\n\nExpression: ",
     "",
     "Values:",
     "leading_numbers",
     30000},
    {"code_run",
     "There is a function called %f in the following Python code.\n\n",
     "Please compute the exact value of %c.",
     " The value of %c is",
     "last_integer",
     5},
    {"code_debug",
     "Following is a Python code where exactly one of the functions/methods has a deliberate "
     "error that makes it crash.\n\n",
     "Options:\n%o",
     "\n\nThe correct option is:",
     "code_choice",
     5},
};

bool is_digit_or_minus(char c) { return c == '-' || (c >= '0' && c <= '9'); }

// "func_12(-3)"
std::string call_in(const Row& row, const std::string& input) {
  for (size_t at = 0; (at = input.find("func_", at)) != std::string::npos; ++at) {
    size_t open = at + 5;
    while (open < input.size() && input[open] >= '0' && input[open] <= '9') ++open;
    size_t close = open + 1;
    while (close < input.size() && is_digit_or_minus(input[close])) ++close;
    if (open > at + 5 && close < input.size() && close > open + 1 && input[open] == '(' &&
        input[close] == ')')
      return input.substr(at, close + 1 - at);
  }
  row.refuse("'input' calls no function; expected one such as func_12(3)");
}

// "the largest number", of "The largest number of the list is:".
std::string number_in(const Row& row, const std::string& input) {
  const size_t end = input.rfind(" of");
  const size_t begin = end == std::string::npos ? end : input.rfind("The ", end);
  if (begin == std::string::npos)
    row.refuse("'input' says no number; expected one such as 'The largest number of the list is:'");
  return lower(input.substr(begin, end - begin));
}

std::string options_in(const Row& row) {
  const Strings options = row.texts("options");
  if (options.size() != 4)
    row.refuse("'options' are " + std::to_string(options.size()) + "; expected 4");
  std::string out;
  for (size_t i = 0; i < 4; ++i)
    out += (i > 0 ? "\n" : "") + std::string(1, static_cast<char>('A' + i)) + ". " + options[i];
  return out;
}

std::string filled(std::string_view text, const Row& row) {
  const std::string input = row.text("input");
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const char what = text[++i];
    if (what == 'i') out += input;
    if (what == 'o') out += options_in(row);
    if (what == 'c') out += call_in(row, input);
    if (what == 'f') out += call_in(row, input).substr(0, call_in(row, input).find('('));
    if (what == 'n') out += number_in(row, input);
  }
  return out;
}

// The right text, then its letter.
Strings with_letter(const Row& row, Strings answers) {
  if (answers.size() != 1) return answers;
  const Strings options = row.texts("options");
  const auto found = std::find(options.begin(), options.end(), answers.front());
  if (found == options.end()) row.refuse("'answer' is none of the 'options'; expected one of them");
  answers.emplace_back(1, static_cast<char>('A' + (found - options.begin())));
  return answers;
}

const InfinitebenchTask& task_of(const std::string& name, const std::filesystem::path& file) {
  for (const InfinitebenchTask& task : kTasks)
    if (task.name == name) return task;
  bad_request(file.string(),
              "InfiniteBench has no '" + name + "'; expected one of " +
                  join(infinitebench_tasks(), ", ") + did_you_mean(name, infinitebench_tasks()));
}

}  // namespace

Strings infinitebench_tasks() {
  Strings names;
  for (const InfinitebenchTask& task : kTasks) names.emplace_back(task.name);
  return names;
}

std::vector<Case> infinitebench_cases(const std::filesystem::path& file,
                                      const std::string& name,
                                      int64_t most) {
  const InfinitebenchTask& task = task_of(name.empty() ? file.stem().string() : name, file);
  std::vector<Case> cases;
  for (const Row& row : read_rows(file, most)) {
    Case one;
    const Strings id = row.has("id") ? row.texts("id") : Strings{std::to_string(cases.size())};
    one.id = std::string(task.name) + "/" + (id.empty() ? "" : id.front());
    one.task = task.name;
    one.before = filled(task.before, row);
    one.context = row.text("context");
    one.after = task.name == "math_calc" ? "\n" : "\n\n";
    one.question = filled(task.question, row);
    one.answer_prefix = filled(task.answer_prefix, row);
    one.answers = row.texts("answer");
    if (task.metric == "letter_choice" || task.metric == "code_choice")
      one.answers = with_letter(row, one.answers);
    if (one.answers.empty()) row.refuse("'answer' is empty; expected one or more");
    one.metric = task.metric;
    one.max_new_tokens = task.max_new_tokens;
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace kvhost::tasks
