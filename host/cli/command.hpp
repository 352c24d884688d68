// SPDX-License-Identifier: Apache-2.0
// A subcommand: what `kvhost --help` says of it, its flags, and what it does. One file per command
// or group.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace kvhost {

struct Command {
  std::string name;
  std::string summary;    // one line
  std::string arguments;  // after the flags, e.g. "NAME"; may be ""
  std::string help;       // a few sentences above the flags; may be ""
  std::string examples;   // a line each
  // Adds the flags to `app` and returns what to do once they are parsed: the exit code.
  std::function<std::function<int()>(CLI::App& app)> build;
};

Command run_command();
Command ask_command();
Command chat_command();
Command compress_command();
Command score_command();
Command bench_command();
Command eval_command();
Command analyze_command();
Command results_command();
Command report_command();
Command serve_command();
Command train_command();
Command calibrate_command();
Command fetch_command();
Command new_command();
Command validate_command();
Command dev_command();
Command index_command();
Command compare_command();
Command plan_command();
Command tokenize_command();
Command list_command();
Command info_command();
Command inspect_command();
Command doctor_command();
Command completion_command();

// The command's flags, and those that every command has. Returns what to do once they are parsed.
std::function<int()> add_flags_of(const Command& command, CLI::App& app);

// In the order of the help. `run` is what happens when no command is named.
const std::vector<Command>& commands();
const Command* find_command(const std::string& name);  // null when unknown

// What --help prints.
std::string overview_help();
std::string command_help(const Command& command, const CLI::App& app);

}  // namespace kvhost
