// SPDX-License-Identifier: Apache-2.0
#include "results/contents.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

namespace kvhost::results {

std::vector<SuiteContents> contents_of(std::span<const DoneCell> cells) {
  std::map<std::tuple<std::string, std::string, std::string>, SuiteContents> suites;
  for (const auto& [run, cell, measurements] : cells) {
    SuiteContents& suite = suites[{cell.suite, cell.suite_hash, run->model}];
    suite.suite = cell.suite;
    suite.suite_hash = cell.suite_hash;
    suite.model = run->model;
    suite.tasks.insert(cell.task);
    suite.arms.insert(cell.arm);
    suite.budgets.insert(cell.budget);
    if (!run->source.empty()) suite.sources.insert(run->source);
    for (const auto& m : measurements) suite.metrics.insert(m.metric);
    suite.n_measurements += std::ssize(measurements);
    if (suite.n_cells++ == 0) suite.first_begun = suite.last_begun = run->begun;
    suite.first_begun = std::min(suite.first_begun, run->begun);
    suite.last_begun = std::max(suite.last_begun, run->begun);
  }
  std::vector<SuiteContents> out;
  for (auto& [key, suite] : suites) out.push_back(std::move(suite));
  return out;
}

}  // namespace kvhost::results
