// SPDX-License-Identifier: Apache-2.0
// From what --model says to a folder with config.json.
#include <algorithm>
#include <fstream>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/text.hpp"
#include "input/limits.hpp"
#include "input/paths.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

// "org/name": one slash, neither part empty, nothing that a path would start with.
bool is_hub_id(const std::string& name) {
  const size_t slash = name.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < name.size() && name[0] != '.' &&
         name[0] != '~' && name.find('/', slash + 1) == std::string::npos;
}

// The snapshot that refs/main names, else the one written last.
std::optional<fs::path> snapshot(const fs::path& repository) {
  std::string revision;
  std::ifstream(repository / "refs" / "main") >> revision;
  std::error_code ignored;
  const fs::path wanted = repository / "snapshots" / revision;
  if (!revision.empty() && fs::exists(wanted / "config.json", ignored)) return wanted;
  std::optional<fs::path> newest;
  fs::file_time_type newest_time;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", ignored)) {
    if (!fs::exists(entry.path() / "config.json", ignored)) continue;
    const auto time = fs::last_write_time(entry.path(), ignored);
    if (!newest || time > newest_time) {
      newest = entry.path();
      newest_time = time;
    }
  }
  return newest;
}

// The name of a GGUF file in `folder`, or "".
std::string gguf_in(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".gguf") return entry.path().filename();
  return "";
}

[[noreturn]] void refuse_folder(const std::string& where, const fs::path& folder) {
  const std::string gguf = gguf_in(folder);
  if (!gguf.empty())
    cannot_load(where,
                "holds " + gguf + ", a GGUF file, which this version does not read, and no " +
                    "config.json; expected a Hugging Face model folder; " + kGgufCure);
  std::error_code ignored;
  if (fs::exists(folder / "adapter_config.json", ignored))
    cannot_load(where,
                "holds a PEFT adapter, not a model; expected a Hugging Face model folder; merge it "
                "into its model with peft's merge_and_unload and save_pretrained");
  cannot_load(where, "a folder without config.json; expected a Hugging Face model folder");
}

[[noreturn]] void refuse_file(const fs::path& file) {
  std::string start(1025, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(in.gcount()));
  const std::string expected = "a Hugging Face model folder";
  const std::string mistaken = mistaken_file(start, expected);
  if (!mistaken.empty()) cannot_load(file.string(), mistaken);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code ignored;
  cannot_load(file.string(),
              "is a file; expected " + expected +
                  (fs::exists(folder / "config.json", ignored)
                       ? "; did you mean " + quoted(folder.string()) + "?"
                       : ""));
}

fs::path resolve_hub_id(const std::string& id) {
  const size_t slash = id.find('/');
  const fs::path repository =
      hub_cache() / ("models--" + id.substr(0, slash) + "--" + id.substr(slash + 1));
  if (const auto folder = snapshot(repository)) return *folder;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", ignored))
    if (!fs::is_empty(entry.path(), ignored)) refuse_folder(id, entry.path());
  cannot_load("--model",
              "found neither a folder " + quoted(id) + " nor this hub id in " +
                  hub_cache().string() +
                  "; expected a downloaded model; get it with: hf download " + id);
}

[[noreturn]] void refuse_name(const std::string& name) {
  const auto bundled = bundled_models();
  cannot_load("--model",
              "found no model " + quoted(name) +
                  "; expected a folder with config.json, a hub id org/name or a bundled name (" +
                  (bundled.empty() ? "none is installed" : join(bundled, ", ")) + ")" +
                  did_you_mean(name, bundled));
}

[[noreturn]] void refuse_default() {
  std::string looked;
  for (const auto& folder : data_folders())
    looked += (looked.empty() ? "" : ", ") + (folder / "models").string();
  cannot_load("--model",
              std::string("the bundled model '") + kDefaultModel + "' is in none of " + looked +
                  "; expected a model; name one with --model DIR, or set KVHOST_DATA to the folder "
                  "that holds models/");
}

}  // namespace

fs::path resolve_model(const std::string& name) {
  if (name.empty()) {
    if (const auto folder = bundled_model(kDefaultModel)) return *folder;
    refuse_default();
  }
  std::error_code ignored;
  if (fs::exists(fs::path(name) / "config.json", ignored)) return fs::path(name);
  if (fs::is_directory(name, ignored)) refuse_folder(name, name);
  if (fs::exists(name, ignored)) refuse_file(name);
  if (name.find('/') == std::string::npos) {
    if (const auto folder = bundled_model(name)) return *folder;
  }
  if (is_hub_id(name)) return resolve_hub_id(name);
  refuse_name(name);
}

}  // namespace kvhost
