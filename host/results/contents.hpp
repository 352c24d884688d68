// SPDX-License-Identifier: Apache-2.0
// What a file of results holds, a line for each suite and model.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "results/cell.hpp"

namespace kvhost::results {

struct SuiteContents {
  std::string suite, suite_hash, model;
  std::set<std::string> tasks, arms, metrics, sources;
  std::set<double> budgets;
  int64_t n_cells = 0, n_measurements = 0;
  std::string first_begun, last_begun;
};

std::vector<SuiteContents> contents_of(std::span<const DoneCell> cells);

}  // namespace kvhost::results
