// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"

#include <cstdlib>

#include "cli/flags.hpp"

namespace kvhost {

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {run_command(),
                                           ask_command(),
                                           chat_command(),
                                           compress_command(),
                                           score_command(),
                                           serve_command(),
                                           bench_command(),
                                           eval_command(),
                                           analyze_command(),
                                           results_command(),
                                           report_command(),
                                           train_command(),
                                           calibrate_command(),
                                           fetch_command(),
                                           new_command(),
                                           validate_command(),
                                           dev_command(),
                                           compare_command(),
                                           index_command(),
                                           plan_command(),
                                           list_command(),
                                           info_command(),
                                           tokenize_command(),
                                           inspect_command(),
                                           doctor_command(),
                                           completion_command()};
  return all;
}

// In the environment, so that what is started by this process holds to it too.
std::function<int()> add_flags_of(const Command& command, CLI::App& app) {
  const auto action = command.build(app);
  app.option_defaults()->group("Safety");
  add_switch(app,
             {"--safe", "", "No plugins but the methods that came with kvhost, wherever others lie."},
             [] { setenv("KVHOST_SAFE", "1", /*overwrite=*/1); });
  return action;
}

const Command* find_command(const std::string& name) {
  for (const Command& command : commands())
    if (command.name == name) return &command;
  return nullptr;
}

}  // namespace kvhost
