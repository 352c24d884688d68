// SPDX-License-Identifier: Apache-2.0
#include "tasks/case.hpp"

#include <unordered_map>

#include "tasks/python_text.hpp"

namespace kvhost::tasks {

std::string read_text(const Case& one) { return one.before + one.context + one.after; }

std::string prompt(const Case& one) { return read_text(one) + one.question + one.answer_prefix; }

double score(const Case& one, const std::string& answer) {
  std::string_view text = strip_left(answer);
  if (one.first_line) text = text.substr(0, text.find('\n'));
  return score(one.metric, std::string(text), one.answers, {one.classes});
}

void mark(Case& one, const std::string& what, const std::string& text) {
  const size_t at = read_text(one).find(text);
  if (at != std::string::npos) one.spans.push_back({what, at, at + text.size()});
}

std::vector<std::vector<size_t>> by_text(const std::vector<Case>& cases) {
  std::vector<std::vector<size_t>> groups;
  std::unordered_map<std::string, size_t> group_of;
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto [found, is_new] = group_of.try_emplace(read_text(cases[i]), groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(i);
  }
  return groups;
}

}  // namespace kvhost::tasks
