// SPDX-License-Identifier: Apache-2.0
// One thing to ask: a text that is read and may be compressed, a question about it, and how the
// answer is scored. Every task, made here or read from a file, becomes cases.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/metrics.hpp"

namespace kvhost::tasks {

// How many tokens the model at hand makes of a text; lengths are measured with it.
using CountTokens = std::function<int64_t(std::string_view)>;

// Bytes of read_text(), [begin, end), that an answer hangs on.
struct Span {
  std::string what;
  size_t begin = 0, end = 0;
};

struct Case {
  std::string id;    // one of its kind in a suite: "niah_single_2/4096/7"
  std::string task;  // "niah_single_2"
  // The three are read one behind the other and compressed. Only `context` may be cut when it is
  // too long; the others are the task's instructions.
  std::string before, context, after;
  std::string question;
  std::string answer_prefix;  // the answer's beginning, given to the model; its spaces belong to it
  Strings answers;
  std::string metric = "string_match_all";
  Strings classes;
  int64_t max_new_tokens = 128;
  bool first_line = false;  // only the answer's first line is scored
  int64_t length = 0;       // as asked for, in tokens, or as the data set says; 0: not known
  double depth = std::numeric_limits<double>::quiet_NaN();  // where the needle is, 0 to 100
  std::vector<Span> spans;
  int64_t n_cut = 0;  // tokens that were taken out of the middle of `context`
};

std::string read_text(const Case& one);  // before + context + after
std::string prompt(const Case& one);     // all that stands before the answer

// In [0, 1]; of a model's answer as it generated it.
double score(const Case& one, const std::string& answer);

// Marks `text` where it first stands in what is read; no mark when it is not there.
void mark(Case& one, const std::string& what, const std::string& text);

// Positions of cases that read the same text, in order of the first of each: one compression serves
// all of them.
std::vector<std::vector<size_t>> by_text(const std::vector<Case>& cases);

}  // namespace kvhost::tasks
