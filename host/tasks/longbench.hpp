// SPDX-License-Identifier: Apache-2.0
// LongBench's and InfiniteBench's JSON lines as cases, with their own instructions, rules and room
// for the answer (github.com/THUDM/LongBench, github.com/OpenBMB/InfiniteBench; both MIT).
//
// Nothing is cut here: a text that is longer than the model reads is for the caller to shorten, in
// the middle of `context` as both benchmarks do.
#pragma once

#include <filesystem>
#include <vector>

#include "tasks/case.hpp"

namespace kvhost::tasks {

// Rows hold context, input, answers, all_classes, length, dataset; LongBench-E's too. The data sets
// whose scores need Chinese words told apart (multifieldqa_zh, dureader, vcsum) are an Error.
std::vector<Case> longbench_cases(const std::filesystem::path& file, int64_t most = INT64_MAX);

// Rows hold context, input, answer, options. Which data set it is, the file's name says, or `task`.
std::vector<Case> infinitebench_cases(const std::filesystem::path& file,
                                      const std::string& task = "",
                                      int64_t most = INT64_MAX);

Strings longbench_tasks();
Strings infinitebench_tasks();

}  // namespace kvhost::tasks
