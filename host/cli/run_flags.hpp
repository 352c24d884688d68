// SPDX-License-Identifier: Apache-2.0
// The flags that run, score and plan share. Their values are checked while parsing and assigned
// after the run file, so that a flag always wins over the file.
#pragma once

#include <functional>
#include <vector>

#include "cli/flags.hpp"
#include "input/options.hpp"

namespace kvhost {

class RunFlags {
 public:
  explicit RunFlags(CLI::App& app) : app_(app) {}

  void add_model();
  // The same, and --model may be repeated; all that were named are put there.
  void add_models(std::vector<std::string>* models);
  void add_prompt();
  void add_press();
  void add_plugins();
  void add_generate();
  void add_chat();    // --chat, --system
  void add_system();  // --system alone
  void add_output();
  void add_color();

  // Defaults, then the run file if one was named, then the flags.
  RunOptions options(RunOptions defaults = {}) const;

 private:
  void add_budget();
  void add_model_kind();  // all but --model

  using Step = std::function<void(RunOptions&)>;
  void later(Step step) { steps_.push_back(std::move(step)); }
  void name_one_of(const char* group, std::string& held, const std::string& flag);

  CLI::App& app_;
  std::string config_;
  std::string budget_flag_, prompt_flag_;  // which flag of each exclusive group was given
  std::vector<Step> steps_;
};

// "--plugin-path DIR" and "--prefer-plugins" for commands that only read the registry.
void add_plugin_path(CLI::App& app, std::function<void(const std::string&)> sink);
void add_prefer_plugins(CLI::App& app, std::function<void()> sink);

}  // namespace kvhost
