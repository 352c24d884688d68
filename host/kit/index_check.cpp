// SPDX-License-Identifier: Apache-2.0
// What is wrong in an index of plugins: the form of every file, and what several say together.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "kit/index.hpp"
#include "registry/search_path.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kHex = "0123456789abcdef";

// One file, and what is wrong in it.
class EntryCheck {
 public:
  EntryCheck(const json& entry, std::string file, std::vector<IndexProblem>& problems)
      : entry_(entry), file_(std::move(file)), problems_(problems) {}

  void run() {
    if (!entry_.is_object()) return wrong("", "found " + shown(entry_) + "; expected an object");
    whole(entry_, "", kFields);
    if (entry_.value("schema", json()) != 1) wrong("/schema", "found " + at("schema") + "; expected 1");
    texts();
    libraries();
    validated();
    measured();
  }

 private:
  static inline const std::vector<std::string> kFields = {
      "schema", "id", "name", "kind", "version", "summary", "paper", "vendor", "license", "source",
      "commit", "build", "abi", "tier", "libraries", "validated", "measured"};

  static std::string shown(const json& value) {
    const std::string text = json_text(value);
    return text.size() > 60 ? text.substr(0, 57) + "..." : text;
  }
  std::string at(const char* key) const {
    return entry_.contains(key) ? shown(entry_[key]) : "nothing";
  }
  void wrong(const std::string& where, const std::string& what, bool grave = true) {
    problems_.push_back({file_, where, what, grave});
  }

  // All of these keys and no others.
  void whole(const json& object, const std::string& where, const std::vector<std::string>& keys) {
    for (const std::string& key : keys)
      if (!object.contains(key)) wrong(where + "/" + key, "is not there; expected " + key);
    for (const auto& [key, ignored] : object.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        wrong(where + "/" + key, "is not known; expected " + join(keys, ", ") + did_you_mean(key, keys));
  }

  void text(const json& object, const std::string& where, const char* key, const std::string& expected,
            bool (*fits)(const std::string&)) {
    if (!object.contains(key)) return;
    const json& value = object[key];
    if (!value.is_string() || !fits(value.get<std::string>()))
      wrong(where + "/" + key, "found " + shown(value) + "; expected " + expected);
  }

  static bool something(const std::string& text) { return !text.empty(); }
  static bool anything(const std::string&) { return true; }
  static bool hex(const std::string& text, size_t n) {
    return text.size() == n && text.find_first_not_of(kHex) == text.npos;
  }

  void texts() {
    const auto of_entry = [&](const char* key, const std::string& expected, bool (*fits)(const std::string&)) {
      text(entry_, "", key, expected, fits);
    };
    const std::string stem = fs::path(file_).stem().string();
    if (entry_.contains("id") && entry_["id"] != stem)
      wrong("/id", "found " + at("id") + "; expected the name of the file, " + stem);
    of_entry("name", "a method's name, [a-z][a-z0-9_]*", [](const std::string& t) {
      return !t.empty() && t[0] >= 'a' && t[0] <= 'z' &&
             t.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == t.npos;
    });
    of_entry("kind", "scorer, wrapper, head allocator, layer allocator or press", [](const std::string& t) {
      for (int kind = 1; kind <= 5; ++kind)
        if (t == registry::kind_name(static_cast<registry::Kind>(kind))) return true;
      return false;
    });
    of_entry("summary", "a sentence", something);
    of_entry("version", "a version", something);
    of_entry("vendor", "who ships it", something);
    of_entry("license", "an SPDX identifier: MIT", [](const std::string& t) {
      return !t.empty() && t.find_first_of(" \t\n") != 0 && t.find('\n') == t.npos;
    });
    of_entry("source", "where the source is, https://...",
             [](const std::string& t) { return t.starts_with("https://") && t.size() > 12; });
    of_entry("commit", "40 hexadecimal digits", [](const std::string& t) { return hex(t, 40); });
    of_entry("build", "the commands that build it", something);
    of_entry("paper", "a text", anything);
    of_entry("abi", "a version of the ABI", something);
    of_entry("tier", "portable or torch",
             [](const std::string& t) { return t == "portable" || t == "torch"; });
  }

  void libraries() {
    if (!entry_.contains("libraries")) return;
    const json& all = entry_["libraries"];
    if (!all.is_array() || all.empty())
      return wrong("/libraries", "found " + shown(all) + "; expected a library at least");
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string where = "/libraries/" + std::to_string(i);
      if (!all[i].is_object()) {
        wrong(where, "found " + shown(all[i]) + "; expected an object");
        continue;
      }
      whole(all[i], where, {"platform", "file", "sha256"});
      text(all[i], where, "platform", "a platform, linux-x86_64", something);
      text(all[i], where, "file", "a name without a folder, lib<name>.so",
           [](const std::string& t) { return !t.empty() && t.find('/') == t.npos; });
      text(all[i], where, "sha256", "64 hexadecimal digits", [](const std::string& t) { return hex(t, 64); });
    }
  }

  void number(const json& object, const std::string& where, const char* key) {
    if (!object.contains(key)) return;
    const json& value = object[key];
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0)
      wrong(where + "/" + key, "found " + shown(value) + "; expected a number, 0 or more");
  }

  void validated() {
    if (!entry_.contains("validated")) return;
    const json& found = entry_["validated"];
    if (!found.is_object()) return wrong("/validated", "found " + shown(found) + "; expected an object");
    whole(found, "/validated", {"kvhost", "date", "level", "failed", "n_fuzzed", "n_findings"});
    text(found, "/validated", "kvhost", "a version of kvhost", something);
    text(found, "/validated", "date", "a day, 2026-11-27",
         [](const std::string& t) { return t.size() == 10 && t[4] == '-' && t[7] == '-'; });
    text(found, "/validated", "level", join(level_names(), ", "), [](const std::string& t) {
      return std::find(level_names().begin(), level_names().end(), t) != level_names().end();
    });
    number(found, "/validated", "n_fuzzed");
    number(found, "/validated", "n_findings");
    const bool fails = found.contains("failed") && (!found["failed"].is_array() || !found["failed"].empty());
    if (fails) wrong("/validated/failed", "found " + shown(found["failed"]) + "; worth knowing", false);
  }

  void measured() {
    if (!entry_.contains("measured") || entry_["measured"].is_null()) return;
    const json& found = entry_["measured"];
    if (!found.is_object()) return wrong("/measured", "found " + shown(found) + "; expected an object or null");
    const std::vector<std::string> numbers = {"n_prompt_tokens", "score_us_per_layer", "allocate_us_per_layer",
                                              "cache_bytes_full", "cache_bytes_kept", "kl", "top1"};
    std::vector<std::string> keys = numbers;
    keys.insert(keys.begin(), "command");
    whole(found, "/measured", keys);
    text(found, "/measured", "command", "the command that measured it", something);
    for (const std::string& key : numbers) number(found, "/measured", key.c_str());
  }

  const json& entry_;
  const std::string file_;
  std::vector<IndexProblem>& problems_;
};

// Libraries of a folder, by what their bytes are.
std::map<std::string, fs::path> libraries_in(const fs::path& folder) {
  std::map<std::string, fs::path> out;
  if (folder.empty()) return out;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file() || file.path().extension() != ".so") continue;
    const std::string bytes = read_file(file.path(), ExitCode::BadRequest);
    out[sha256_hex(bytes.data(), bytes.size())] = file.path();
  }
  return out;
}

// What a claimed level is worth: the checks again, without the run in a model.
void check_again(const json& entry,
                 const std::string& file,
                 const std::map<std::string, fs::path>& libraries,
                 IndexReport& report) {
  const auto wrong = [&](const std::string& what) { report.problems.push_back({file, "/validated/level", what}); };
  for (const json& library : entry["libraries"]) {
    const auto found = libraries.find(library.value("sha256", ""));
    if (found == libraries.end()) continue;
    ++report.n_checked_again;
    const auto catalog = registry::Catalog::scan(
        {found->second.parent_path()}, registry::default_describe(registry::executable_path()), "");
    const registry::MethodInfo* method = catalog.find(entry.value("name", ""));
    if (!method || method->sha256 != found->first) {
      wrong("found no method " + entry.value("name", "") + " in " + found->second.string() + "; expected it there");
      continue;
    }
    const std::string claimed = entry["validated"].value("level", ""), reached = validate_methods({*method}, {}).front().level();
    const int most = level_height("shares");  // without a model
    if (std::min(level_height(claimed), most) > level_height(reached))
      wrong("claims " + claimed + ", and " + found->second.string() + " reaches " + reached + "; expected as much");
  }
}

}  // namespace

IndexReport check_index(const fs::path& folder,
                        const fs::path& libraries,
                        const std::vector<std::string>& taken) {
  const fs::path plugins = folder / "plugins";
  if (!fs::is_directory(plugins))
    bad_request(folder.string(), "has no folder plugins; expected an index of plugins, as `kvhost index new` begins one");
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(plugins)) files.push_back(file.path());
  std::sort(files.begin(), files.end());
  const auto here = libraries_in(libraries);
  IndexReport report;
  std::map<std::string, std::string> names;
  for (const fs::path& path : files) {
    const std::string file = "plugins/" + path.filename().string();
    ++report.n_files;
    if (path.extension() != ".json") {
      report.problems.push_back({file, "", "is no description; expected <id>.json and nothing else"});
      continue;
    }
    try {
      const json entry = read_json(path, ExitCode::BadRequest, RepeatedKeys::Refused);
      const size_t before = report.problems.size();
      EntryCheck(entry, file, report.problems).run();
      const bool sound = std::none_of(report.problems.begin() + static_cast<std::ptrdiff_t>(before),
                                      report.problems.end(),
                                      [](const IndexProblem& one) { return one.grave; });
      if (!sound) continue;
      const std::string name = entry["name"];
      const auto [other, fresh] = names.emplace(name, file);
      if (!fresh)
        report.problems.push_back({file, "/name", name + " is the name in " + other->second + " too; who has both says which", false});
      if (std::find(taken.begin(), taken.end(), name) != taken.end())
        report.problems.push_back({file, "/name", name + " is a method of kvhost's own; --prefer-plugins takes this one", false});
      check_again(entry, file, here, report);
    } catch (const Error& e) {
      report.problems.push_back({file, "", e.what()});
    }
  }
  return report;
}

}  // namespace kvhost
