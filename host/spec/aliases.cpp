// SPDX-License-Identifier: Apache-2.0
#include "spec/aliases.hpp"

#include <nlohmann/json.hpp>

#include "base/json_file.hpp"

namespace kvhost {
namespace {

[[noreturn]] void malformed(const std::string& where, const std::string& what) {
  cannot_load(where, what);
}

RunAlias read_run(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object()) malformed(where, "is not an object; expected options of a run");
  RunAlias run;
  for (const auto& [key, value] : json.items()) {
    const bool text = key == "press" || key == "decode_press";
    const bool whole = key == "decode_every" || key == "decode_budget";
    const bool fits = text    ? value.is_string()
                      : whole ? value.is_number_unsigned()
                              : key == "decode_keep_ratio" && value.is_number();
    if (!fits)
      malformed(where + "/" + key,
                "expected press or decode_press with a composition, decode_every or "
                "decode_budget with a whole number, or decode_keep_ratio with a number");
    if (text) (key == "press" ? run.press : run.decode_press) = value.get<std::string>();
    if (whole)
      (key == "decode_every" ? run.decode_every : run.decode_budget) = value.get<int64_t>();
    if (!text && !whole) run.decode_keep_ratio = value.get<double>();
  }
  if (run.decode_press.empty()) malformed(where, "has no decode_press; expected one");
  return run;
}

}  // namespace

std::string RunAlias::text() const {
  std::string out = "--press " + press + " --decode-press " + decode_press;
  if (decode_every > 0) out += " --decode-every " + std::to_string(decode_every);
  if (decode_budget > 0) out += " --decode-budget " + std::to_string(decode_budget);
  if (decode_keep_ratio > 0)
    out += " --decode-keep-ratio " + nlohmann::json(decode_keep_ratio).dump();
  return out;
}

AliasTable AliasTable::read(const std::vector<std::filesystem::path>& plugin_folders) {
  AliasTable result;
  for (const auto& folder : plugin_folders) {
    const auto file = folder / "aliases.json";
    std::error_code status;
    if (!std::filesystem::exists(file, status)) continue;
    const auto json = read_json(file, ExitCode::CannotLoad);
    if (!json.is_object() || !json.contains("aliases") || !json["aliases"].is_object())
      malformed(
          file.string(),
          "has no object 'aliases'; expected {\"schema\": 1, \"aliases\": {name: composition}}");
    for (const auto& [name, text] : json["aliases"].items()) {
      if (!text.is_string())
        malformed(file.string() + " /aliases/" + name, "is not a string; expected a composition");
      result.table_.emplace(name, text.get<std::string>());
    }
    const auto runs = json.value("runs", nlohmann::json::object());
    if (!runs.is_object()) malformed(file.string() + " /runs", "is not an object");
    for (const auto& [name, run] : runs.items())
      result.runs_.emplace(name, read_run(run, file.string() + " /runs/" + name));
  }
  return result;
}

std::optional<std::string> AliasTable::find(const std::string& name) const {
  const auto found = table_.find(name);
  if (found == table_.end()) return std::nullopt;
  return found->second;
}

std::optional<RunAlias> AliasTable::find_run(const std::string& name) const {
  const auto found = runs_.find(name);
  if (found == runs_.end()) return std::nullopt;
  return found->second;
}

std::map<std::string, std::string> AliasTable::all() const {
  std::map<std::string, std::string> all = table_;
  for (const auto& [name, run] : runs_) all.emplace(name, run.text());
  return all;
}

}  // namespace kvhost
