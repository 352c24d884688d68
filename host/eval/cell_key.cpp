// SPDX-License-Identifier: Apache-2.0
#include "eval/cell_key.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json_file.hpp"
#include "base/sha256.hpp"
#include "engine/built_in.hpp"
#include "tokenizer/chat_template.hpp"

namespace kvhost::eval {

namespace {

namespace fs = std::filesystem;

void add(Sha256& hash, const std::string& text) { hash.update(text.c_str(), text.size() + 1); }

void add_file(Sha256& hash, const fs::path& file) {
  const std::string bytes = read_file(file, ExitCode::CannotLoad);
  add(hash, sha256_hex(bytes.data(), bytes.size()));
}

fs::path folder_of(const Model& model) {
  const fs::path path = model.facts().path;
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? path : path.parent_path();
}

void add_folder(Sha256& hash, const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path kind = entry.path().extension();
    const bool told = kind == ".json" || kind == ".jinja" || kind == ".npy";
    if (told && entry.is_regular_file(ignored)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    add(hash, file.filename().string());
    add_file(hash, file);
  }
}

// The file that a parameter names, as it stands or in the model's folder.
void find_file(const std::string& named, const fs::path& folder, std::vector<fs::path>& files) {
  std::error_code ignored;
  for (const auto& file : {fs::path(named), folder / named})
    if (!named.empty() && fs::is_regular_file(file, ignored)) {
      files.push_back(file);
      return;
    }
}

// Of all methods in a composition's JSON.
void find_files(const nlohmann::json& json, const fs::path& folder, std::vector<fs::path>& files) {
  if (!json.is_structured()) return;
  if (json.is_object() && json.contains("params"))
    for (const auto& value : json["params"])
      if (value.is_string()) find_file(value.get<std::string>(), folder, files);
  for (const auto& value : json) find_files(value, folder, files);
}

std::string tail(const char* what, Sha256& hash) {
  constexpr size_t kDigits = 12;
  return std::string(" [") + what + ' ' + hash.hex().substr(0, kDigits) + ']';
}

}  // namespace

std::string model_key(const Model& model, std::optional<WeightType> weights) {
  Sha256 hash;
  add(hash, model.weights_hash());
  add(hash, model.tokenizer_hash());
  add(hash, dtype_name(model.dtype()));
  add(hash, weights ? weight_type_info(*weights).name : "");
  const auto chat = ChatTemplate::find(model.facts().path);
  add(hash, chat ? chat->source() : "");
  add_folder(hash, folder_of(model));
  return hash.hex();
}

std::string composition_key(const Policy& policy, const Model& model) {
  std::vector<fs::path> files;
  find_files(nlohmann::json::parse(policy.press_json()), folder_of(model), files);
  Sha256 of_files, of_libraries;
  for (const auto& file : files) add_file(of_files, file);
  bool all_built_in = true;
  for (const auto& plugin : policy.plugins()) {
    if (is_built_in(plugin)) continue;
    all_built_in = false;
    add(of_libraries, plugin.method + ' ' + plugin.sha256);
  }
  return policy.press() + (files.empty() ? "" : tail("files", of_files)) +
         (all_built_in ? "" : tail("libraries", of_libraries));
}

}  // namespace kvhost::eval
