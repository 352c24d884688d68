// SPDX-License-Identifier: Apache-2.0
// What a user asked for, as plain values. Built once from argv and the run file, immutable
// afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.hpp"

namespace kvhost {

struct PluginOptions {
  std::vector<std::filesystem::path> paths;  // --plugin-path, in order
};

struct PromptOptions {
  std::optional<std::string> text;    // --prompt
  std::filesystem::path file;         // --prompt-file
  std::filesystem::path tokens_file;  // --tokens-file
  std::optional<std::string> demo;    // --demo NAME (bundled)
  std::optional<int64_t> max_tokens;  // --max-prompt-tokens
  bool lossy = false;                 // --lossy: replace bytes that are not UTF-8
  bool no_bos = false;
};

// Exactly as given; the press room parses and types them.
struct PressOptions {
  nlohmann::json press;         // string (text form) or object; null = default composition
  nlohmann::json decode_press;  // likewise; null = none
  // Where they were written, for errors: the flag, or the run file and the JSON pointer in it ("" =
  // its root).
  std::string press_source = "--press", press_pointer;
  std::string decode_press_source = "--decode-press", decode_press_pointer;
  int64_t decode_every = 0;  // --decode-every N tokens; 0 = the default of 64
  int64_t decode_budget =
      0;  // --decode-budget: entries per head kept while generating; 0 = the prefill budget
  double decode_keep_ratio = 0;  // --decode-keep-ratio: of all tokens seen so far; 0 = not given
  std::optional<double> keep_ratio, compression_ratio;
  std::optional<int64_t> budget;
};

struct GenerateOptions {
  std::optional<int64_t> max_new_tokens;  // default: 64, or what the demo says
  double temperature = 0, top_p = 1;
  int64_t top_k = 0;
  uint64_t seed = 0;
  std::vector<std::string> stop;
};

struct OutputOptions {
  std::string json, dump_keep, dump_scores, dump_budgets;  // "" = not wanted
  bool compare_full = false;
  bool quiet = false;
  std::string color = "auto";  // auto, always, never
};

struct RunOptions {
  std::string model;  // folder, hub id or bundled name; "" = the bundled one
  std::optional<DType> dtype;
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
