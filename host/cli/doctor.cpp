// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "engine/plugin_set.hpp"
#include "input/demo_prompts.hpp"
#include "input/paths.hpp"
#include "model/config.hpp"
#include "registry/search_path.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using State = Finding::State;
using nlohmann::json;

namespace {

const char* state_name(State state) {
  return state == State::Good ? "good" : state == State::Hint ? "hint" : "missing";
}

std::string folder_line(const fs::path& folder, const registry::Catalog& catalog) {
  size_t n = 0;
  for (const auto& method : catalog.methods())
    n += method.library.parent_path().lexically_normal() == folder.lexically_normal() ? 1 : 0;
  return folder.string() + " (" + std::to_string(n) + " methods)";
}

Finding methods_finding(const PluginSet& registry) {
  Finding finding{"methods", State::Good, "", "", ""};
  std::map<std::string, int> count_of;  // by kind
  for (const auto& method : registry.catalog.methods())
    ++count_of[registry::kind_name(method.kind)];
  std::vector<std::string> parts;
  for (const auto& [kind, count] : count_of) {
    parts.push_back(std::to_string(count) + " of kind " + kind);
  }
  finding.facts = json_text(count_of);
  finding.found = parts.empty() ? "none" : join(parts, ", ");
  if (parts.empty()) {
    finding.state = State::Missing;
    finding.cure =
        "install the plugins to <prefix>/lib/kvhost/plugins/1 or name their folder with "
        "KVHOST_PLUGIN_PATH";
  }
  return finding;
}

}  // namespace

std::vector<Finding> diagnose_plugins(const PluginOptions& plugins) {
  const PluginSet registry = find_plugins(plugins.paths, plugins.prefer);
  std::vector<Finding> findings;
  Finding path{"plugin path", State::Good, "", "", ""};
  std::vector<std::string> lines;
  json folders = json::array();
  for (const auto& folder : registry.folders) {
    lines.push_back(folder_line(folder, registry.catalog));
    folders.push_back(folder.string());
  }
  path.facts = json_text(folders);
  path.found = lines.empty() ? "empty" : join(lines, ", ");
  if (lines.empty()) path.state = State::Missing;
  findings.push_back(std::move(path));
  findings.push_back(methods_finding(registry));
  for (const auto& failure : registry.catalog.failures())
    findings.push_back({"plugin",
                        State::Hint,
                        failure.library.string() + ": " + failure.stage + ": " + failure.reason,
                        "rebuild it against this kvhost, or remove it (see kvhost list --failed)",
                        json_text({{"library", failure.library.string()},
                                   {"stage", failure.stage},
                                   {"reason", failure.reason}})});
  for (const auto& altered : registry.catalog.altered())
    findings.push_back(
        {"plugin",
         State::Hint,
         altered.library.string() + ": " + altered.reason,
         "install the plugin again if nobody meant to change it",
         json_text({{"library", altered.library.string()}, {"reason", altered.reason}})});
  for (const auto& twice : registry.catalog.shadowed())
    findings.push_back({"plugin",
                        State::Hint,
                        "'" + twice.name + "' of " + twice.ignored.string() + " is hidden by " +
                            twice.used.string(),
                        "rename one of them, or leave its folder out of the plugin path",
                        json_text({{"name", twice.name},
                                   {"used", twice.used.string()},
                                   {"ignored", twice.ignored.string()}})});
  return findings;
}

Finding diagnose_model() {
  Finding finding{"bundled model", State::Good, "", "", "{}"};
  try {
    const fs::path folder = resolve_model("");
    const ModelConfig config = read_config(folder);
    for (const char* file : {"model.safetensors", "tokenizer.json"})
      if (!std::ifstream(folder / file))
        cannot_load((folder / file).string(), "cannot be read; expected a readable file");
    const auto prompts = demo_names(folder);
    finding.found = folder.string() + " (" + config.family + ", " +
                    std::to_string(config.n_layers) +
                    " layers), prompts: " + (prompts.empty() ? "none" : join(prompts, ", "));
    finding.facts =
        json_text({{"path", folder.string()}, {"family", config.family}, {"prompts", prompts}});
    if (prompts.empty()) {
      finding.state = State::Hint;
      finding.cure = "without bundled prompts a run needs -p TEXT or -f FILE";
    }
  } catch (const Error& e) {
    finding.state = State::Missing;
    finding.found = e.what();
    finding.cure = "set KVHOST_DATA to the folder that holds models/, or name a model with --model";
  }
  return finding;
}

std::vector<Finding> diagnose(const PluginOptions& plugins) {
  std::vector<Finding> findings = {
      {"kvhost",
       State::Good,
       std::string(version()) + ", " + registry::executable_path().string(),
       "",
       json{{"version", version()}}.dump()}};
  for (auto& finding : diagnose_machine()) findings.push_back(std::move(finding));
  for (auto& finding : diagnose_plugins(plugins)) findings.push_back(std::move(finding));
  findings.push_back(diagnose_model());
  return findings;
}

json findings_json(const std::vector<Finding>& findings) {
  json list = json::array();
  bool ok = true;
  for (const Finding& f : findings) {
    ok = ok && f.state != State::Missing;
    list.push_back({{"topic", f.topic},
                    {"state", state_name(f.state)},
                    {"found", f.found},
                    {"cure", f.cure},
                    {"facts", json::parse(f.facts)}});
  }
  return {{"ok", ok}, {"findings", list}};
}

void print_findings(std::ostream& out, const Ink& ink, const std::vector<Finding>& findings) {
  bool ok = true;
  for (const Finding& f : findings) {
    const char* mark = f.state == State::Good   ? "ok     "
                       : f.state == State::Hint ? "hint   "
                                                : "MISSING";
    out << (f.state == State::Good ? ink.dim(mark) : ink.bold(mark)) << "  "
        << pad_right(f.topic, 14) << f.found << '\n';
    if (!f.cure.empty()) out << std::string(23, ' ') << "-> " << f.cure << '\n';
    ok = ok && f.state != State::Missing;
  }
  out << (ok ? "everything that is needed is here\n" : "something that is needed is missing\n");
}

}  // namespace kvhost
