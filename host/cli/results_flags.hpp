// SPDX-License-Identifier: Apache-2.0
// Which results a command reads: flags that `results` and `report` share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "results/store.hpp"
#include "results/summary.hpp"

namespace kvhost {

inline constexpr const char* kDefaultResults = "results.db";  // in the working folder

struct ResultChoice {
  std::string db = kDefaultResults;
  results::Filter filter;
  std::string baseline;
};

void add_result_flags(CLI::App& app, const std::shared_ptr<ResultChoice>& choice);

// Throws Error where nothing is chosen, with what there is.
std::vector<results::DoneCell> chosen_cells(const ResultChoice& choice);
std::vector<results::Line> chosen_lines(const ResultChoice& choice,
                                        const std::vector<results::DoneCell>& cells);

}  // namespace kvhost
