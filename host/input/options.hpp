// SPDX-License-Identifier: Apache-2.0
// What a user asked for, as plain values. Built once from argv and the run file, immutable
// afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "base/weight_type.hpp"
#include "engine/policy_options.hpp"

namespace kvhost {

struct PluginOptions {
  std::vector<std::filesystem::path> paths;  // --plugin-path, in order
  bool prefer = false;                       // --prefer-plugins
};

struct PromptOptions {
  std::optional<std::string> text;    // --prompt
  std::filesystem::path file;         // --prompt-file
  std::filesystem::path tokens_file;  // --tokens-file
  std::optional<std::string> demo;    // --demo NAME (bundled)
  std::filesystem::path cache;        // --cache FILE, in place of a prompt
  std::optional<int64_t> max_tokens;  // --max-prompt-tokens
  bool lossy = false;                 // --lossy: replace bytes that are not UTF-8
  bool no_bos = false;
  bool chat = false;                  // --chat: the prompt is a user's message
  std::optional<std::string> system;  // --system TEXT: before it
};

using PressOptions = PolicyOptions;  // exactly as given; the spec room parses and types them

struct GenerateOptions {
  std::optional<int64_t> max_new_tokens;  // default: 64, or what the demo says
  double temperature = 0, top_p = 1;
  int64_t top_k = 0;
  uint64_t seed = 0;
  std::vector<std::string> stop;
};

struct OutputOptions {
  std::string json, dump_keep, dump_scores, dump_budgets;  // "" = not wanted
  std::string kept_html;                                   // --kept-html FILE
  std::string kept_beside;                                 // --kept-beside SPEC
  bool show_kept = false;   // --show-kept: the prompt's words, shaded by who kept them
  bool json_lines = false;  // --json-lines: a line for each token as it comes, the report last
  bool compare_full = false;
  bool quiet = false;
  std::string color = "auto";  // auto, always, never
};

struct RunOptions {
  std::string model;  // folder, hub id or bundled name; "" = the bundled one
  std::optional<DType> dtype;
  std::optional<WeightType> weights;  // how matrices are kept; none: as stored
  std::string device = "cpu";
  int threads = 0;  // 0 = all cores
  PluginOptions plugins;
  PromptOptions prompt;
  PressOptions press;
  GenerateOptions generate;
  OutputOptions output;
};

struct ScoreOptions {
  RunOptions run;
  std::filesystem::path continuation_file;
  int64_t block = 0;  // tokens per forward; 0 = all at once
};

}  // namespace kvhost
