// SPDX-License-Identifier: Apache-2.0
// A bash completion script, made from the commands' own flags and from what the registry knows
// right now.
#include <algorithm>
#include <cctype>
#include <iostream>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "engine/plugin_set.hpp"
#include "input/demo_prompts.hpp"
#include "input/paths.hpp"

namespace kvhost {

namespace {

constexpr const char* kScript =
    R"(# bash completion for kvhost; load it with: source <(kvhost completion bash)
_kvhost() {
  local line=${COMP_LINE:0:COMP_POINT} command=run i quoted=
  local word=${line##*[[:space:]]}
  local before=${line%"$word"}
  before=${before%"${before##*[![:space:]]}"}
  local previous=${before##*[[:space:]]}
  if [[ $word == --*=* ]]; then previous=${word%%=*} word=${word#*=}; fi
  if [[ $word == [\'\"]* ]]; then quoted=1 word=${word:1}; fi
  if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]]; then command=${COMP_WORDS[1]}; fi
  COMPREPLY=()
  case "$previous" in
    --press|--decode-press)
      local head=${word%"${word##*[:+]}"}
      COMPREPLY=($(compgen -P "$head" -W "$_kvhost_methods" -- "${word#"$head"}"))
      compopt -o nospace 2>/dev/null
      # bash itself splits unquoted words at ':', so only what follows the last one is wanted
      if [[ -z $quoted && $COMP_WORDBREAKS == *:* ]]; then
        local colon=${word%"${word##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$colon"}")
      fi
      return ;;
    info) COMPREPLY=($(compgen -W "$_kvhost_methods" -- "$word")); return ;;
    completion) COMPREPLY=($(compgen -W "bash" -- "$word")); return ;;
    help) COMPREPLY=($(compgen -W "$_kvhost_commands" -- "$word")); return ;;
    --model) COMPREPLY=($(compgen -W "$_kvhost_models" -- "$word") $(compgen -d -- "$word")); return ;;
    --demo) COMPREPLY=($(compgen -W "$_kvhost_demos" -- "$word")); return ;;
)";

constexpr const char* kScriptEnd = R"(  esac
  if [[ $word == -* ]]; then
    case "$command" in
@flags@    esac
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "$_kvhost_commands" -- "$word"))
  fi
}
complete -o default -F _kvhost kvhost
)";

// Calls visit(command, option) for every flag of every command.
template <class Visit>
void for_each_flag(const Visit& visit) {
  for (const Command& command : commands()) {
    CLI::App app;
    app.set_help_flag();
    add_flags_of(command, app);
    for (const CLI::Option* option : app.get_options())
      if (!option->get_lnames().empty()) visit(command, *option);
  }
}

// "    --dtype) ... ;;" for every flag whose value is one of a few words.
std::string choice_cases() {
  std::map<std::string, std::string> choices_of;
  for_each_flag([&](const Command&, const CLI::Option& option) {
    std::string type = option.get_type_name();
    const bool few =
        type.find('|') != std::string::npos &&
        std::none_of(type.begin(), type.end(), [](unsigned char c) { return std::isupper(c); });
    if (!few) return;
    std::replace(type.begin(), type.end(), '|', ' ');
    choices_of[long_name(option)] = type;
  });
  std::string cases;
  for (const auto& [flag, words] : choices_of)
    cases +=
        "    " + flag + ") COMPREPLY=($(compgen -W \"" + words + "\" -- \"$word\")); return ;;\n";
  return cases;
}

std::string flag_cases() {
  std::map<std::string, std::vector<std::string>> flags_of;
  for_each_flag([&](const Command& command, const CLI::Option& option) {
    flags_of[command.name].push_back(long_name(option));
  });
  std::string cases;
  for (auto& [command, flags] : flags_of) {
    flags.push_back("--help");
    cases += "      " + command + ") COMPREPLY=($(compgen -W \"" + join(flags, " ") +
             "\" -- \"$word\")) ;;\n";
  }
  return cases;
}

std::string bash_script() {
  const PluginSet plugins = find_plugins({});
  std::vector<std::string> methods = plugins.catalog.names(), names;
  for (const auto& [alias, ignored] : plugins.aliases.all()) methods.push_back(alias);
  methods.push_back("none");
  for (const Command& command : commands()) names.push_back(command.name);
  names.push_back("help");
  const auto model = bundled_model(kDefaultModel);
  std::string end = kScriptEnd;
  end.replace(end.find("@flags@"), 7, flag_cases());
  return "_kvhost_methods='" + join(methods, " ") + "'\n_kvhost_commands='" + join(names, " ") +
         "'\n_kvhost_models='" + join(bundled_models(), " ") + "'\n_kvhost_demos='" +
         join(model ? demo_names(*model) : std::vector<std::string>(), " ") + "'\n\n" + kScript +
         choice_cases() + end;
}

}  // namespace

Command completion_command() {
  return {"completion",
          "a script that completes commands, flags and method names in bash",
          "bash",
          "The script holds the methods that are installed now; make it again after installing "
          "plugins.",
          "source <(kvhost completion bash)\nkvhost completion bash > "
          "~/.local/share/bash-completion/completions/kvhost",
          [](CLI::App& app) {
            auto shell = std::make_shared<std::string>();
            app.add_option("shell", *shell)->group("")->type_name("bash");
            return [shell] {
              check_choice("kvhost completion", *shell, {"bash"});
              std::cout << bash_script();
              return 0;
            };
          }};
}

}  // namespace kvhost
