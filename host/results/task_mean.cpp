// SPDX-License-Identifier: Apache-2.0
#include "results/task_mean.hpp"

#include <algorithm>
#include <set>

#include "tasks/longbench.hpp"
#include "tasks/metrics.hpp"
#include "tasks/ruler.hpp"

namespace kvhost::results {

namespace {

const std::set<std::string>& known_tasks() {
  static const std::set<std::string> names = [] {
    std::set<std::string> all;
    for (const auto& some :
         {tasks::ruler_tasks(), tasks::longbench_tasks(), tasks::infinitebench_tasks()})
      all.insert(some.begin(), some.end());
    return all;
  }();
  return names;
}

}  // namespace

std::string benchmark_task(const std::string& case_id) {
  std::string name = case_id.substr(0, case_id.find('/'));
  for (const char* end : {"_e", "-e"})  // LongBench-E
    if (name.ends_with(end)) name.resize(name.size() - 2);
  return known_tasks().contains(name) ? name : "";
}

bool is_task_score(const Measurement& m) {
  const auto& all = tasks::metrics();
  return m.unit.empty() && m.better == Better::Higher &&
         std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == m.metric; });
}

}  // namespace kvhost::results
