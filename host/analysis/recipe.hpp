// SPDX-License-Identifier: Apache-2.0
// What is to be analysed: the part "analysis" of a suite (docs/analyze.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvhost::analysis {

// A composition by a name of its own. In `press`, {profile} stands for a file of ranks.
struct NamedPress {
  std::string name, press;
  std::string aggregation = "mean";  // the exact ranks that its own are held against
  std::string where;                 // "quick.json /analysis/observers/1", for messages
};

struct Recipe {
  std::string suite, model;  // model "": the bundled one
  std::vector<std::filesystem::path> files;
  int64_t n_texts = 8;                             // over all files
  std::vector<int64_t> lengths = {256, 512, 1024};  // in tokens, ascending
  int64_t head_length = 512;                       // heads are looked at up to here; 0: never
  double keep_ratio = 0.25;
  NamedPress profile;                    // makes budgets of stored ranks
  std::vector<NamedPress> observers;     // these estimate ranks from the prompt
  std::vector<NamedPress> strategies;    // their budgets are shown beside each other
};

// `name` is a file or a bundled suite with such a part; texts are looked for beside it, in `data`
// and in the data folders. Throws Error(BadRequest).
Recipe read_recipe(const std::string& name, const std::vector<std::filesystem::path>& data);
std::vector<std::string> bundled_recipes();

// Ascending, each once.
std::vector<int64_t> in_order(std::vector<int64_t> lengths);

}  // namespace kvhost::analysis
