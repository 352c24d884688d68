// SPDX-License-Identifier: Apache-2.0
// Suites in a folder of their own, on the tiny model in float32.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "eval/evaluator.hpp"
#include "eval/plan.hpp"
#include "eval/suite.hpp"
#include "results/store.hpp"
#include "temp_folder.hpp"

namespace kvhost::test {

class SuiteFolder {
 public:
  SuiteFolder();

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  // Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const;
  // Reads `json` as suite.json of this folder, where alice.txt and thursday.txt lie too.
  eval::Suite suite(const std::string& json) const;

 private:
  TempFolder folder_;
};

// The message with which `json` is refused as suite.json, with the folder's path cut out.
std::string refusal(const SuiteFolder& folder, const std::string& json);

const Engine& engine();
const Model& tiny();

// Two arms on two segments of a text.
extern const char* const kSmallSuite;

// Measures all that `file` lacks; `advance` may throw to stop. Returns what was missing.
int64_t measure(const eval::Suite& suite,
                const std::filesystem::path& file,
                const std::function<void(const eval::Advance&)>& advance = {});

std::vector<results::DoneCell> cells_of(const std::filesystem::path& file);
// A line for every measurement but times, with all digits.
std::string table_of(const std::filesystem::path& file);
// Of one cell; fails the test where there is none.
const results::Measurement& figure(const results::DoneCell& cell, const std::string& metric);

}  // namespace kvhost::test
