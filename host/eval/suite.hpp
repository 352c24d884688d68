// SPDX-License-Identifier: Apache-2.0
// A suite: which compositions are measured at which budgets on which tasks. A JSON file, described
// in docs/eval.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tasks/ruler.hpp"

namespace kvhost::eval {

// A composition under the name that tables give it.
struct Arm {
  std::string name, press;
  std::vector<double> budgets;     // kept shares; empty: the suite's
  std::vector<int64_t> seeds;      // of methods that draw at random; empty: the suite's
  std::vector<std::string> tasks;  // where it runs; empty: everywhere
  std::string where;               // "quick.json /arms/1", for messages
};

// The likelihood of texts: a stretch is read and compressed, the tokens behind it are scored.
//   context + scored with cut_every 0   scored in one go over what was kept (RankKV's protocol)
//   the same, context = scored          llama-perplexity's windows, cut at their middle
//   cut_every 1, context of a window    token by token, evicting after each (StreamingLLM's)
//   cut_every n                         in chunks of n under a ceiling of memory
struct LikelihoodTask {
  std::string name;
  std::vector<std::filesystem::path> files;
  int64_t n_segments = 16;  // over all files, spread evenly
  int64_t context = 1536, scored = 512;
  int64_t cut_every = 0;  // tokens between cuts while scoring; 0: none
  bool copy = false;      // what is scored is the context's own beginning again
};

enum class QuestionSource { Ruler, Needle, LongBench, InfiniteBench, SharedFile, SharedNeedles };

struct QuestionTask {
  std::string name;
  QuestionSource source = QuestionSource::Ruler;
  bool conversation = false;  // questions about one text follow each other; else each on a fork
  std::vector<std::filesystem::path> files;
  // of Ruler, Needle and SharedNeedles
  tasks::RulerFiles data;
  std::vector<std::string> ruler_tasks;
  std::vector<int64_t> lengths = {4096};
  std::vector<double> depths = {0, 25, 50, 75, 100};
  std::string needle, question, answer_prefix;
  std::vector<std::string> answers;
  int64_t n_cases = 5;       // of each RULER task and length; texts of SharedNeedles
  int64_t n_questions = 4;   // of each text of SharedNeedles
  int64_t most = INT64_MAX;  // cases of a file
  bool cut_middle = false;   // of texts that are longer than the model reads; else they are refused
  uint64_t seed = 42;
};

// Many instructions in one prompt, and how many of them an answer follows.
struct InstructionTask {
  std::string name;
  std::filesystem::path words;  // a text that keywords are drawn from
  std::vector<std::string> topics;
  int64_t n_instructions = 10, n_cases = 8, max_new_tokens = 256;
  uint64_t seed = 42;
};

using Task = std::variant<LikelihoodTask, QuestionTask, InstructionTask>;

struct Suite {
  std::string name, description;
  std::string model;  // suggested; "": the bundled one
  std::vector<Arm> arms;
  std::vector<double> budgets = {0.25};
  std::vector<bool> question_aware = {false};  // of questions
  std::vector<int64_t> seeds = {0};
  std::optional<bool> chat;  // by the model's template; none: where it has one
  int64_t min_entries = 0;
  bool diagnose = false;  // what was done to marked spans and to what is attended to most
  std::vector<Task> tasks;
  std::string hash;  // of all that changes a figure, besides what a cell's key says itself
};

// `name` is a file or a bundled suite. Throws Error that names file, JSON pointer, what was found
// and what was expected; files of texts are looked for beside the suite,
// in `data` and in the data folders.
// `diagnose`: as if the suite had said so.
Suite read_suite(const std::string& name,
                 const std::vector<std::filesystem::path>& data = {},
                 bool diagnose = false);
std::vector<std::string> bundled_suites();
// The file of a suite: `name` itself, or a bundled one. Throws Error with the nearest name.
std::filesystem::path find_suite(const std::string& name);
// What a suite says of itself; its texts may be missing.
std::string suite_description(const std::string& name);

const std::string& task_name(const Task& task);
std::vector<std::filesystem::path> task_files(const Task& task);

}  // namespace kvhost::eval
