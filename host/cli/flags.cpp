// SPDX-License-Identifier: Apache-2.0
#include "cli/flags.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

// The name users see in errors.
std::string shown_name(const std::string& names) {
  const size_t at = names.find("--");
  return at == std::string::npos ? names : names.substr(at, names.find(',', at) - at);
}

CLI::Option* add_values(CLI::App& app,
                        const Flag& flag,
                        bool repeatable,
                        std::function<void(const std::string&)> sink) {
  const std::string name = shown_name(flag.names);
  auto* option = app.add_option(
      flag.names,
      [name, repeatable, sink = std::move(sink)](const CLI::results_t& values) {
        if (!repeatable && values.size() > 1)
          bad_request(name, "given " + std::to_string(values.size()) + " times; expected once");
        for (const auto& value : values) sink(value);
        return true;
      },
      flag.help);
  // Every occurrence takes exactly one value, kept as typed ("[a,b]" included).
  return option->type_name(flag.value)
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// The option that `word` names, with or without a value attached; null when there is none.
const CLI::Option* named_by(const CLI::App& app, const std::string& word) {
  const bool is_long = word.rfind("--", 0) == 0;
  const std::string name = is_long ? word.substr(2, word.find('=') - 2) : word.substr(1, 1);
  for (const CLI::Option* option : app.get_options())
    if (is_long ? option->check_lname(name) : option->check_sname(name)) return option;
  return nullptr;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names = {"--help"};
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

bool looks_like_flag(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

[[noreturn]] void refuse_unknown(const CLI::App& app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  bad_request(name,
              "no such flag" + did_you_mean(name, flag_names(app)) + " (see " + app.get_name() +
                  " --help)");
}

// One flag at words[at]: checks its value's presence and returns how many words it takes.
size_t check_flag(const CLI::App& app, const std::vector<std::string>& words, size_t at) {
  const std::string& word = words[at];
  const CLI::Option* option = named_by(app, word);
  const size_t equals = word.rfind("--", 0) == 0 ? word.find('=') : std::string::npos;
  const bool attached = equals != std::string::npos || (word[1] != '-' && word.size() > 2);
  if (option == nullptr) refuse_unknown(app, word);
  const std::string name = long_name(*option);
  if (option->get_items_expected_max() == 0) {
    if (attached)
      bad_request(name, "found a value in " + quoted(word) + "; expected the flag alone");
    return 1;
  }
  const std::string expected = "; expected " + option->get_type_name();
  if (equals + 1 == word.size()) bad_request(name, "empty value" + expected);
  if (attached) return 1;
  if (at + 1 == words.size()) bad_request(name, "no value" + expected);
  const std::string& next = words[at + 1];
  if (next.empty()) bad_request(name, "empty value" + expected);
  if (looks_like_flag(next) && named_by(app, next) != nullptr && next.rfind("--", 0) == 0)
    bad_request(name,
                "no value before " + quoted(next) + expected + "; a value like that is written " +
                    name + "=" + next);
  return 2;
}

}  // namespace

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name() : "--" + option.get_lnames().front();
}

CLI::Option* add_text(CLI::App& app,
                      const Flag& flag,
                      std::function<void(const std::string&)> sink) {
  return add_values(app, flag, /*repeatable=*/false, std::move(sink));
}

CLI::Option* add_texts(CLI::App& app,
                       const Flag& flag,
                       std::function<void(const std::string&)> sink) {
  return add_values(app, flag, /*repeatable=*/true, std::move(sink));
}

CLI::Option* add_number(CLI::App& app,
                        const Flag& flag,
                        const Limits& limits,
                        std::function<void(double)> sink) {
  return add_text(app,
                  flag,
                  [name = shown_name(flag.names), limits, sink = std::move(sink)](
                      const std::string& text) { sink(number_from_text(name, text, limits)); });
}

CLI::Option* add_integer(CLI::App& app,
                         const Flag& flag,
                         const Limits& limits,
                         std::function<void(int64_t)> sink) {
  return add_text(app,
                  flag,
                  [name = shown_name(flag.names), limits, sink = std::move(sink)](
                      const std::string& text) { sink(integer_from_text(name, text, limits)); });
}

CLI::Option* add_choice(CLI::App& app,
                        const Flag& flag,
                        const std::vector<std::string>& choices,
                        std::function<void(const std::string&)> sink) {
  const Flag shown{flag.names, join(choices, "|"), flag.help};
  return add_text(
      app,
      shown,
      [name = shown_name(flag.names), choices, sink = std::move(sink)](const std::string& text) {
        check_choice(name, text, choices);
        sink(text);
      });
}

CLI::Option* add_switch(CLI::App& app, const Flag& flag, std::function<void()> sink) {
  return app.add_flag_callback(flag.names, std::move(sink), flag.help);
}

void check_choice(const std::string& where,
                  const std::string& text,
                  const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  bad_request(
      where,
      "found " + quoted(text) + "; expected " + join(choices, ", ") + did_you_mean(text, choices));
}

bool parse_flags(CLI::App& app, const std::vector<std::string>& words) {
  size_t n_positional = 0;
  for (const CLI::Option* option : app.get_options())
    n_positional += option->get_positional() ? option->get_items_expected_max() : 0;
  for (size_t at = 0; at < words.size();) {
    if (words[at] == "--help" || words[at] == "-h") return true;
    if (looks_like_flag(words[at])) {
      at += check_flag(app, words, at);
      continue;
    }
    if (n_positional-- == 0)
      bad_request(
          quoted(words[at++]),
          "an argument that no flag takes; expected flags (see " + app.get_name() + " --help)");
    ++at;
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& e) {
    bad_request(app.get_name(), e.what());
  }
  return false;
}

}  // namespace kvhost
