// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_file.hpp"

#include "base/json_file.hpp"

namespace kvhost::tok {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json read_if_there(const fs::path& path) {
  std::error_code status;
  return fs::exists(path, status) ? read_json(path, ExitCode::CannotLoad) : json();
}

// "bos_token": "<s>" or {"content": "<s>", ...}; "" when there is none.
std::string token_named(const json& config, const std::string& key) {
  if (!config.is_object() || !config.contains(key)) return "";
  const json& token = config[key];
  if (token.is_string()) return token.get<std::string>();
  return token.is_object() && token.contains("content") && token["content"].is_string()
             ? token["content"].get<std::string>()
             : "";
}

void name_special_tokens(const json& config, const json& map, TokenizerFile* file) {
  for (const json* source : {&config, &map}) {
    if (const std::string bos = token_named(*source, "bos_token"); !bos.empty()) file->bos = bos;
    if (const std::string eos = token_named(*source, "eos_token"); !eos.empty()) file->eos = eos;
  }
}

TokenizerFile from_tokenizer_json(const fs::path& path) {
  TokenizerFile file;
  file.name = path.string();
  file.document = read_json(path, ExitCode::CannotLoad);
  file.origin = path.filename().string();
  for (const char* key : {"truncation", "padding"})
    if (file.document.is_object() && file.document.contains(key) && !file.document[key].is_null())
      file.warnings.push_back(std::string(key) + " in " + file.name + " is not applied");
  return file;
}

[[noreturn]] void fail_nothing_found(const fs::path& folder) {
  cannot_load(folder.string(),
              "no tokenizer found; expected tokenizer.json, or vocab.json with merges.txt" +
                  std::string(fs::exists(folder / "tokenizer.model")
                                  ? " (tokenizer.model alone is not read: save the fast tokenizer)"
                                  : ""));
}

}  // namespace

TokenizerFile read_tokenizer(const fs::path& path) {
  std::error_code status;
  if (!fs::exists(path, status))
    cannot_load(path.string(), "does not exist; expected a tokenizer's folder or file");
  const bool is_folder = fs::is_directory(path, status);
  const fs::path folder = is_folder ? path : path.parent_path();
  const bool vocab_file = !is_folder && path.filename() == "vocab.json";
  const fs::path main_file = is_folder ? folder / "tokenizer.json" : path;
  const json config = read_if_there(folder / "tokenizer_config.json");

  TokenizerFile file;
  if (!vocab_file && fs::exists(main_file, status)) {
    file = from_tokenizer_json(main_file);
  } else if (fs::exists(folder / "vocab.json", status) &&
             fs::exists(folder / "merges.txt", status)) {
    file = from_vocab_and_merges(folder, config, read_if_there(folder / "config.json"));
  } else {
    fail_nothing_found(folder);
  }
  name_special_tokens(config, read_if_there(folder / "special_tokens_map.json"), &file);
  return file;
}

}  // namespace kvhost::tok
