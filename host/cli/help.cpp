// SPDX-License-Identifier: Apache-2.0
// Help that teaches: what a command does, its flags by group with defaults, examples, exit codes.
#include <sstream>

#include "base/error.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "engine/plugin_set.hpp"

namespace kvhost {

namespace {

constexpr size_t kColumns = 96;
constexpr size_t kIndent = 32;  // where descriptions begin

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 2 the request is wrong; 3 a model, tokenizer or plugin cannot be loaded;\n"
    "4 it failed while running, or its output cannot be written; 130 interrupted. Errors are one\n"
    "line on standard error.\n";

// Appends `text` from column kIndent on, broken at spaces.
void append_wrapped(std::string& out, const std::string& text) {
  std::istringstream words(text);
  size_t column = kIndent;
  for (std::string word; words >> word;) {
    if (column > kIndent && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    }
    if (column > kIndent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

void append_entry(std::string& out, const std::string& left, const std::string& right) {
  out += left;
  out += left.size() + 1 > kIndent ? "\n" + std::string(kIndent, ' ')
                                   : std::string(kIndent - left.size(), ' ');
  append_wrapped(out, right);
}

std::string option_names(const CLI::Option& option) {
  std::string names =
      option.get_snames().empty() ? "      " : "  -" + option.get_snames().front() + ", ";
  if (option.get_lnames().empty()) return "  " + option.get_type_name();
  names += "--" + option.get_lnames().front();
  return option.get_items_expected_max() == 0 ? names : names + " " + option.get_type_name();
}

void append_options(std::string& out, const CLI::App& app) {
  std::string group;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    if (option->get_group() != group) {
      group = option->get_group();
      out += "\n" + group + ":\n";
    }
    append_entry(out, option_names(*option), option->get_description());
  }
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// Examples say {press} and {scorer}: the composition that runs by default here, and its innermost
// part. Help must also print where no plugin can be read.
std::string with_methods(std::string examples) {
  std::string press = "ALLOCATOR:SCORER";
  try {
    press = find_plugins({}).aliases.find("default").value_or(press);
  } catch (const Error&) {
  }
  replace_all(examples, "{press}", press);
  replace_all(examples, "{scorer}", press.substr(press.rfind(':') + 1));
  return examples;
}

void append_examples(std::string& out, const std::string& examples) {
  if (examples.empty()) return;
  out += "\nExamples:\n";
  std::istringstream lines(with_methods(examples));
  for (std::string line; std::getline(lines, line);) out += "  " + line + "\n";
}

}  // namespace

std::string command_help(const Command& command, const CLI::App& app) {
  std::string out = "kvhost " + command.name + ": " + command.summary + "\n\nUsage: kvhost " +
                    command.name + " [flags]" +
                    (command.arguments.empty() ? "" : " " + command.arguments) + "\n";
  if (!command.help.empty()) out += "\n" + command.help + "\n";
  std::string flags;
  append_options(flags, app);
  out += with_methods(flags);
  append_examples(out, command.examples);
  return out + "\n" + kExitCodes;
}

std::string overview_help() {
  std::string out =
      std::string("kvhost ") + version() +
      ": runs Hugging Face language models and compresses their KV cache with plugins\n\n"
      "Usage: kvhost [run] [flags]       load a model, read the prompt, compress, generate, "
      "report\n"
      "       kvhost COMMAND [flags]\n\nCommands:\n";
  for (const Command& command : commands()) append_entry(out, "  " + command.name, command.summary);
  append_examples(out, run_command().examples);
  out +=
      "\nA composition names methods from the outermost to the innermost: what divides the budget "
      "over layers, over\n"
      "heads, and what scores the entries. `kvhost list` shows all methods, `kvhost info NAME` one "
      "with its\n"
      "parameters, `kvhost help COMMAND` the flags of a command.\n\n";
  return out + kExitCodes;
}

}  // namespace kvhost
