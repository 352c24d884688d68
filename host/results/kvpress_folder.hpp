// SPDX-License-Identifier: Apache-2.0
// What kvpress's evaluate.py leaves: a folder for each run with metrics.json, config.yaml and
// predictions.csv.
#pragma once

#include <filesystem>
#include <vector>

#include "results/cell.hpp"

namespace kvhost::results {

// Every run in `folder` and below. A figure that kvpress tells of a whole task becomes one cell;
// what the run was, and how many predictions it is the mean of, stands in `extra`. Throws Error
// where there is no run, or one that cannot be read.
std::vector<DoneCell> read_kvpress(const std::filesystem::path& folder);

}  // namespace kvhost::results
