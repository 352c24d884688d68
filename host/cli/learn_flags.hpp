// SPDX-License-Identifier: Apache-2.0
// What train and calibrate are asked alike: which method, which texts, where the result goes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/run_flags.hpp"

namespace kvhost {

struct LearnFlags {
  explicit LearnFlags(CLI::App& app) : shared(app) {}

  void add_method(CLI::App& app);
  void add_data(CLI::App& app);
  void add_text_tokens(CLI::App& app, int64_t& to);
  void add_output(CLI::App& app, const char* beside);  // `beside`: what else is written
  // Throws Error(BadRequest) where something is missing or cannot be written. `wanted`: what METHOD
  // must be.
  void check(const std::string& wanted) const;

  RunFlags shared;
  std::string method, out, json;
  std::vector<std::filesystem::path> data;
};

}  // namespace kvhost
