// SPDX-License-Identifier: Apache-2.0
// What LongBench says of each of its data sets.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace kvhost::tasks {

struct LongbenchTask {
  std::string_view name, before, after;  // around the context
  std::string_view ask, ask_after;       // around the input
  std::string_view answer_prefix;
  std::string_view metric;
  int64_t max_new_tokens;
  bool asks_input = true;   // else `ask` is the whole question
  bool first_line = false;  // only the answer's first line is scored
  // How inputs end that already begin the answer; it becomes the answer's prefix.
  std::string_view input_ends = "";
};

std::span<const LongbenchTask> longbench_table();

}  // namespace kvhost::tasks
