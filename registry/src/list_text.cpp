// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cost.hpp"
#include "kvhost/method.h"
#include "manifest.hpp"
#include "plain_text.hpp"
#include "registry/print.hpp"
#include "text_table.hpp"

namespace kvhost::registry {
namespace {

using nlohmann::json;
using Rows = std::vector<std::vector<std::string>>;

constexpr const char* kDear = "[T^2]";
constexpr const char* kFile = "[file]";
constexpr const char* kLate = "[late]";
constexpr Kind kOutermostFirst[] = {
    Kind::Press, Kind::LayerAllocator, Kind::HeadAllocator, Kind::Wrapper, Kind::Scorer};

// Kinds that may stand inside: those further in, and wrappers around wrappers.
std::vector<std::string> accepted_kinds(Kind kind) {
  std::vector<std::string> kinds;
  bool inside = false;
  for (const Kind other : kOutermostFirst) {
    if (inside || (other == kind && kind == Kind::Wrapper)) kinds.emplace_back(kind_name(other));
    if (other == kind) inside = true;
  }
  return kinds;
}

// Unique among plugins: third parties name their libraries by reverse DNS, others are told apart by
// vendor.
std::string id_of(const MethodInfo& method) {
  const size_t dot = method.plugin.rfind('.');
  if (dot == std::string::npos)
    return method.vendor.empty() ? method.name : method.vendor + "." + method.name;
  const bool named_alike = method.plugin.substr(dot + 1) == method.name;
  return named_alike ? method.plugin : method.plugin + "." + method.name;
}

std::string level_in(const LevelOf& level_of, const MethodInfo& method) {
  return level_of ? level_of(method) : "";
}

std::string marks_of(const MethodInfo& method) {
  std::string marks;
  if (has_dear_need(method)) marks += std::string(" ") + kDear;
  if (takes_file(method)) marks += std::string(" ") + kFile;
  if (method.flags & KVH_METHOD_DECIDES_LATE) marks += std::string(" ") + kLate;
  return marks;
}

json method_json(const MethodInfo& method, const std::string& level) {
  json params = json::array(), needs = json::array();
  for (const ParamInfo& param : method.params) params.push_back(json(to_json(param)));
  for (const NeedInfo& need : method.needs) needs.push_back(json(to_json(need)));
  json slots = json::array();
  for (const SlotInfo& slot : method.slots) slots.push_back(json(to_json(slot)));
  return {{"id", id_of(method)},
          {"name", method.name},
          {"aliases", method.aliases},
          {"kind", kind_name(method.kind)},
          {"version", method.version},
          {"summary", method.summary},
          {"params", params},
          {"accepts", accepted_kinds(method.kind)},
          {"default_inner", method.default_inner.empty() ? json() : json(method.default_inner)},
          {"needs", needs},
          {"decides_late", (method.flags & KVH_METHOD_DECIDES_LATE) != 0},
          {"slots", slots},
          {"tier", method.tier},
          {"torch", method.torch.empty() ? json() : json(method.torch)},
          {"library", plain(method.library.string())},
          {"sha256", method.sha256},
          {"level", level.empty() ? json() : json(level)},
          {"paper", method.paper}};
}

}  // namespace

std::string list_text(const Catalog& catalog, const LevelOf& level_of) {
  Rows rows;
  std::string marks;
  bool any_level = false;
  for (const Kind kind : kOutermostFirst) {
    bool first = true;
    for (const MethodInfo& method : catalog.methods()) {
      if (method.kind != kind) continue;
      marks += marks_of(method);
      const std::string level = level_in(level_of, method);
      any_level = any_level || !level.empty();
      rows.push_back({first ? kind_name(kind) : "",
                      method.name,
                      method.summary + marks_of(method) + (level.empty() ? "" : " <" + level + ">")});
      first = false;
    }
  }
  if (rows.empty()) return "no methods found; see `kvhost list --failed` and --plugin-path\n";
  std::string text = table_text(rows, 0);
  Rows legend;
  if (marks.find(kDear) != std::string::npos) {
    legend.push_back(
        {kDear,
         "may need attention over all tokens, see its parameters: time and memory grow with T^2"});
  }
  if (marks.find(kFile) != std::string::npos) {
    legend.push_back({kFile, "reads a file of learned or measured values, see `kvhost info NAME`"});
  }
  if (marks.find(kLate) != std::string::npos) {
    legend.push_back(
        {kLate, "may decide only after all layers were seen: the full cache is held until then"});
  }
  if (any_level) legend.push_back({"<runs>", "the level that `kvhost validate` reached with these very bytes"});
  if (!legend.empty()) text += "\n";
  text += table_text(legend, 0);
  const size_t n_failed = catalog.failures().size();
  if (n_failed > 0) {
    text += "\n";
    text += std::to_string(n_failed) + " could not be used: `kvhost list --failed` says why\n";
  }
  if (!catalog.altered().empty()) {
    text += "\n";
    text += std::to_string(catalog.altered().size()) +
            " altered after the manifest was made: `kvhost list --failed` says which\n";
  }
  return text;
}

json list_json(const Catalog& catalog, const LevelOf& level_of) {
  json list = json::array();
  for (const MethodInfo& method : catalog.methods())
    list.push_back(method_json(method, level_in(level_of, method)));
  return list;
}

std::string failures_text(const Catalog& catalog) {
  std::string text;
  for (const ScanFailure& failure : catalog.failures()) {
    text += plain(failure.library.string()) + "\n";
    text += paragraph_text(failure.stage + ": " + plain(failure.reason), 2);
  }
  for (const Altered& altered : catalog.altered()) {
    text += plain(altered.library.string()) + "\n" + paragraph_text(altered.reason, 2);
  }
  for (const Shadowed& hidden : catalog.shadowed()) {
    text += plain(hidden.ignored.string()) + "\n";
    text += paragraph_text("'" + hidden.name + "' is hidden by " + plain(hidden.used.string()), 2);
  }
  return text.empty() ? "every plugin that was found can be used\n" : text;
}

json failures_json(const Catalog& catalog) {
  json failed = json::array(), altered = json::array(), shadowed = json::array();
  for (const ScanFailure& failure : catalog.failures()) {
    failed.push_back({{"library", plain(failure.library.string())},
                      {"stage", failure.stage},
                      {"reason", plain(failure.reason)}});
  }
  for (const Altered& other : catalog.altered()) {
    altered.push_back({{"library", plain(other.library.string())}, {"reason", other.reason}});
  }
  for (const Shadowed& hidden : catalog.shadowed()) {
    shadowed.push_back({{"name", hidden.name},
                        {"used", plain(hidden.used.string())},
                        {"ignored", plain(hidden.ignored.string())}});
  }
  return {{"failed", failed}, {"altered", altered}, {"shadowed", shadowed}};
}

}  // namespace kvhost::registry
