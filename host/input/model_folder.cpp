// SPDX-License-Identifier: Apache-2.0
// From what --model says to a folder with config.json, or a GGUF file.
#include <algorithm>
#include <fstream>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/text.hpp"
#include "format/gguf.hpp"
#include "input/gguf_files.hpp"
#include "input/known_models.hpp"
#include "input/limits.hpp"
#include "input/paths.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

constexpr const char* kExpected = "a Hugging Face model folder or a GGUF file";

// "org/name": one slash, neither part empty, nothing that a path would start with.
bool is_hub_id(const std::string& name) {
  const size_t slash = name.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < name.size() && name[0] != '.' &&
         name[0] != '~' && name.find('/', slash + 1) == std::string::npos;
}

// The snapshot that refs/main names, else the one written last.
std::optional<fs::path> snapshot_model(const fs::path& repository) {
  std::string revision;
  std::ifstream(repository / "refs" / "main") >> revision;
  if (!revision.empty())
    if (auto model = model_in(repository / "snapshots" / revision)) return model;
  std::optional<fs::path> newest;
  fs::file_time_type newest_time;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", ignored)) {
    const auto model = model_in(entry.path());
    const auto time = fs::last_write_time(entry.path(), ignored);
    if (model && (!newest || time > newest_time)) {
      newest = model;
      newest_time = time;
    }
  }
  return newest;
}

[[noreturn]] void refuse_folder(const std::string& where, const fs::path& folder) {
  const auto ggufs = gguf_models(folder);
  if (!ggufs.empty())
    cannot_load(where,
                "holds " + std::to_string(ggufs.size()) + " GGUF models (" + shown_names(ggufs) +
                    ") and no config.json; expected one model; name it: --model " +
                    (folder / ggufs.front()).string());
  std::error_code ignored;
  if (fs::exists(folder / "adapter_config.json", ignored))
    cannot_load(where,
                "holds a PEFT adapter, not a model; expected a Hugging Face model folder; merge it "
                "into its model with peft's merge_and_unload and save_pretrained");
  cannot_load(where, std::string("a folder without config.json; expected ") + kExpected);
}

[[noreturn]] void refuse_file(const fs::path& file) {
  std::string start(1025, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(in.gcount()));
  const std::string mistaken = mistaken_file(start, kExpected);
  if (!mistaken.empty()) cannot_load(file.string(), mistaken);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code ignored;
  cannot_load(file.string(),
              std::string("is a file; expected ") + kExpected +
                  (fs::exists(folder / "config.json", ignored)
                       ? "; did you mean " + quoted(folder.string()) + "?"
                       : ""));
}

fs::path resolve_hub_id(const std::string& id) {
  const size_t slash = id.find('/');
  const fs::path repository =
      hub_cache() / ("models--" + id.substr(0, slash) + "--" + id.substr(slash + 1));
  if (const auto model = snapshot_model(repository)) return *model;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", ignored))
    if (!fs::is_empty(entry.path(), ignored)) refuse_folder(id, entry.path());
  cannot_load("--model",
              "found neither a folder " + quoted(id) + " nor this hub id in " +
                  hub_cache().string() +
                  "; expected a downloaded model; get it with: kvhost fetch " + id);
}

[[noreturn]] void refuse_name(const std::string& name) {
  auto known = bundled_models();
  const auto fetched = fetched_models();
  known.insert(known.end(), fetched.begin(), fetched.end());
  for (const auto& model : known_models()) known.push_back(model.name);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  cannot_load("--model",
              "found no model " + quoted(name) +
                  "; expected a folder with config.json, a GGUF file, a hub id org/name, a bundled "
                  "name or a fetched one (" +
                  (known.empty() ? "none is installed" : join(known, ", ")) + ")" +
                  did_you_mean(name, known));
}

// Names that `kvhost fetch` knows; returns for others.
void refuse_unfetched(const std::string& name) {
  const auto known = known_models();
  if (const KnownModel* model = find_known(known, name))
    cannot_load("--model",
                quoted(name) + " is not in " + fetched_folder().string() + " yet; get it (" +
                    format_bytes(model->bytes) + ", " + model->licence + ") with: kvhost fetch " +
                    name);
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

// A folder with weights of its own is a Hugging Face one, whatever lies beside them.
bool holds_safetensors(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().find(".safetensors") != std::string::npos) return true;
  return false;
}

}  // namespace

std::optional<fs::path> model_in(const fs::path& folder) {
  std::error_code ignored;
  const bool config = fs::exists(folder / "config.json", ignored);
  if (config && holds_safetensors(folder)) return folder;
  const auto ggufs = gguf_models(folder);
  if (ggufs.size() == 1) return folder / ggufs.front();
  return config ? std::optional(folder) : std::nullopt;
}

fs::path resolve_model(const std::string& name) {
  if (name.empty()) {
    if (const auto folder = bundled_model(kDefaultModel)) return *folder;
    refuse_default();
  }
  std::error_code ignored;
  if (fs::is_directory(name, ignored)) {
    if (const auto model = model_in(name)) return *model;
    refuse_folder(name, name);
  }
  if (fs::exists(name, ignored)) {
    if (is_gguf(name)) return fs::path(name);
    refuse_file(name);
  }
  if (const auto folder = bundled_model(name)) return *folder;
  if (const auto model = fetched_model(name)) return *model;
  if (is_hub_id(name)) return resolve_hub_id(name);
  refuse_unfetched(name);
  refuse_name(name);
}

}  // namespace kvhost
