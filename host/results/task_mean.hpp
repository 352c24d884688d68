// SPDX-License-Identifier: Apache-2.0
// Benchmarks of several tasks: one figure for all of them, in which each counts alike.
#pragma once

#include <string>

#include "results/cell.hpp"

namespace kvhost::results {

inline constexpr const char* kTaskMean = "mean_of_tasks";

// The benchmark's own task of a case, which its name begins with ("niah_single_2/4096/7"), of
// RULER's, LongBench's and InfiniteBench's; "" for others.
std::string benchmark_task(const std::string& case_id);

// Whether `m` is the score of its case: what a mean over tasks is made from.
bool is_task_score(const Measurement& m);

}  // namespace kvhost::results
