// SPDX-License-Identifier: Apache-2.0
// Flags of a command: CLI11 holds them, this adds values checked while parsing and errors in the
// one-line form.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "input/limits.hpp"

namespace kvhost {

struct Flag {
  std::string names;  // "-p,--prompt"
  std::string value;  // how the value is called in the help: "TEXT"; "" for a switch
  std::string help;
};

// Each adds one flag to `app`, in the group that `app`'s option_defaults name; `sink` gets the
// checked value.
CLI::Option* add_text(CLI::App& app,
                      const Flag& flag,
                      std::function<void(const std::string&)> sink);
CLI::Option* add_texts(CLI::App& app,
                       const Flag& flag,
                       std::function<void(const std::string&)> sink);
CLI::Option* add_number(CLI::App& app,
                        const Flag& flag,
                        const Limits& limits,
                        std::function<void(double)> sink);
CLI::Option* add_integer(CLI::App& app,
                         const Flag& flag,
                         const Limits& limits,
                         std::function<void(int64_t)> sink);
// The choices, joined by '|', are the name of the value.
CLI::Option* add_choice(CLI::App& app,
                        const Flag& flag,
                        const std::vector<std::string>& choices,
                        std::function<void(const std::string&)> sink);
CLI::Option* add_switch(CLI::App& app, const Flag& flag, std::function<void()> sink);

// Throws Error(BadRequest) unless `text` is one of `choices`.
void check_choice(const std::string& where,
                  const std::string& text,
                  const std::vector<std::string>& choices);

// Parses the words after the command. Unknown flags, missing and empty values, flags given twice
// and words that no flag takes are Error(BadRequest); abbreviated flags count as unknown. Returns
// true when --help (or -h) was among them.
bool parse_flags(CLI::App& app, const std::vector<std::string>& words);

// "--prompt" of "-p,--prompt".
std::string long_name(const CLI::Option& option);

}  // namespace kvhost
