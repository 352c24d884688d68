// SPDX-License-Identifier: Apache-2.0
// What methods there are, and one of them in full.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "engine/plugin_set.hpp"
#include "kit/record.hpp"
#include "registry/print.hpp"

namespace kvhost {

namespace {

struct ListFlags {
  PluginOptions plugins;
  std::string name, json, format = "text";
  bool failed = false;
};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string markdown(const registry::Catalog& catalog) {
  std::string out =
      "| method | kind | what it does | parameters (default) | paper |\n|---|---|---|---|---|\n";
  for (const auto& method : catalog.methods()) {
    std::vector<std::string> params;
    for (const auto& param : method.params) {
      const auto* word = param.def.if_is<std::string>();
      params.push_back("`" + param.name + "` (" + (word ? *word : param.def.text()) + ")");
    }
    const std::string inside = method.default_inner.empty() ? ""
                                                            : "; takes `" + method.default_inner +
                                                                  "` when no scorer is inside";
    out += "| `" + method.name + "` | " + registry::kind_name(method.kind) + " | " +
           escaped(method.summary + inside) + " | " + escaped(join(params, ", ")) + " | " +
           escaped(method.paper) + " |\n";
  }
  return out;
}

// What kvhost validate found of the methods, where it ran.
registry::LevelOf levels_known() {
  return [records = std::make_shared<const Records>(default_record_file())](const registry::MethodInfo& method) {
    const Record* found = records->find(method);
    return found ? found->level : "";
  };
}

int list(const ListFlags& flags) {
  check_output_file("--json", flags.json);
  const PluginSet plugins = find_plugins(flags.plugins.paths, flags.plugins.prefer);
  const auto& catalog = plugins.catalog;
  if (!flags.json.empty())
    write_json(flags.json,
               flags.failed ? registry::failures_json(catalog)
                            : registry::list_json(catalog, levels_known()));
  if (goes_to_stdout(flags.json)) return 0;
  if (flags.failed)
    std::cout << registry::failures_text(catalog);
  else
    std::cout << (flags.format == "markdown" ? markdown(catalog)
                                              : registry::list_text(catalog, levels_known()));
  return 0;
}

[[noreturn]] void refuse_name(const std::string& name, const PluginSet& plugins) {
  std::vector<std::string> names = plugins.catalog.names();
  for (const auto& [alias, ignored] : plugins.aliases.all()) names.push_back(alias);
  bad_request("kvhost info",
              "no method named " + quoted(name) + "; expected a name of `kvhost list`" +
                  did_you_mean(name, names));
}

int info(const ListFlags& flags) {
  if (flags.name.empty())
    bad_request("kvhost info", "no name; expected the name of a method, as in kvhost info NAME");
  check_output_file("--json", flags.json);
  const PluginSet plugins = find_plugins(flags.plugins.paths, flags.plugins.prefer);
  const registry::MethodInfo* method = plugins.catalog.find(flags.name);
  std::optional<std::string> expansion = plugins.aliases.find(flags.name);
  if (const auto run = plugins.aliases.find_run(flags.name)) expansion = run->text();
  if (method == nullptr && !expansion) refuse_name(flags.name, plugins);
  if (!flags.json.empty()) {
    nlohmann::json found = {
        {"name", flags.name}, {"kind", "alias"}, {"expansion", expansion.value_or("")}};
    for (const auto& entry : registry::list_json(plugins.catalog, levels_known()))
      if (method != nullptr && entry.at("name") == method->name) found = entry;
    write_json(flags.json, found);
  }
  if (!goes_to_stdout(flags.json))
    std::cout << (method != nullptr ? registry::info_text(*method, levels_known()(*method))
                                    : flags.name + " stands for " + *expansion + "\n");
  return 0;
}

void add_common(CLI::App& app, const std::shared_ptr<ListFlags>& flags, const char* what) {
  app.option_defaults()->group("Flags");
  add_text(app,
           {"--json", "FILE", std::string("Write ") + what + "; - = standard output."},
           [flags](const std::string& v) { flags->json = v; });
  add_plugin_path(app, [flags](const std::string& v) { flags->plugins.paths.emplace_back(v); });
  add_prefer_plugins(app, [flags] { flags->plugins.prefer = true; });
}

}  // namespace

Command list_command() {
  return {"list",
          "all methods that are installed",
          "",
          "",
          "kvhost list\nkvhost list --json - | jq -r '.[].name'\nkvhost list --failed",
          [](CLI::App& app) {
            auto flags = std::make_shared<ListFlags>();
            add_common(app, flags, "the list");
            add_switch(app,
                       {"--failed", "", "Show what could not be used, and why, instead."},
                       [flags] { flags->failed = true; });
            add_choice(app,
                       {"--format", "", "How the list is printed. Default: text."},
                       {"text", "markdown"},
                       [flags](const std::string& v) { flags->format = v; });
            return [flags] { return list(*flags); };
          }};
}

Command info_command() {
  return {
      "info",
      "one method: what it does, its parameters with ranges and defaults, what it needs, its paper",
      "NAME",
      "",
      "kvhost info {scorer}",
      [](CLI::App& app) {
        auto flags = std::make_shared<ListFlags>();
        add_common(app, flags, "the method");
        app.add_option("name", flags->name)->group("")->type_name("NAME");
        return [flags] { return info(*flags); };
      }};
}

}  // namespace kvhost
