// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_file.hpp"

#include "base/json_file.hpp"
#include "tokenizer/sentencepiece_file.hpp"
#include "tokenizer/special_tokens.hpp"

namespace kvhost::tok {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

TokenizerFile from_tokenizer_json(const fs::path& path) {
  TokenizerFile file;
  file.name = path.string();
  file.document = read_json(path, ExitCode::CannotLoad);
  if (!file.document.is_object())
    cannot_load(file.name, std::string("found ") + file.document.type_name() + "; expected an object");
  file.origin = path.filename().string();
  for (const char* key : {"truncation", "padding"})
    if (file.document.contains(key) && !file.document[key].is_null())
      file.warnings.push_back(std::string(key) + " in " + file.name + " is not applied");
  return file;
}

// Whether an empty text gets the token at its front or end.
bool puts(const json& document, const std::string& token) {
  const std::string text = json_text(document.value("post_processor", json()));
  return text.find(json_text(token)) != text.npos;
}

// transformers heeds these flags only where there is no tokenizer.json.
void warn_of_flags(const TokenFiles& files, TokenizerFile* file) {
  for (const auto& [flag, role] : {std::pair("add_bos_token", "bos_token"),
                                   std::pair("add_eos_token", "eos_token")}) {
    const std::string token = token_named(files.config, role);
    const bool asked = flag_of(files.config, flag).value_or(false) && !token.empty();
    if (!asked || puts(file->document, token)) continue;
    file->warnings.push_back(file->name + ": " + flag + " in tokenizer_config.json asks for '" +
                             token +
                             "', but the post_processor adds none and has the last word, as in "
                             "transformers");
  }
}

TokenizerFile from_sentencepiece(const fs::path& path, const json& config) {
  TokenizerParts parts = read_sentencepiece(path);
  parts.add_bos = flag_of(config, "add_bos_token");
  parts.add_eos = flag_of(config, "add_eos_token");
  parts.prefix_only_first = !flag_of(config, "legacy").value_or(false);
  if (const auto prefix = flag_of(config, "add_prefix_space")) parts.add_space_prefix = prefix;
  TokenizerFile file = from_parts(parts);
  file.origin = path.filename().string();
  if (!parts.add_bos && parts.kind == TokenizerParts::Kind::SentencePieceBpe && parts.bos)
    file.warnings.push_back(file.name + ": nothing says whether texts begin with '" + file.bos +
                            "' (add_bos_token in tokenizer_config.json); they do, as Llama's");
  return file;
}

[[noreturn]] void fail_nothing_found(const fs::path& folder) {
  cannot_load(folder.string(),
              "no tokenizer found; expected tokenizer.json, vocab.json with merges.txt, "
              "tokenizer.model or tekken.json");
}

// The file that a folder's tokenizer is read from: the first that is there.
fs::path main_file(const fs::path& folder) {
  std::error_code status;
  for (const char* name : {"tokenizer.json", "vocab.json", "tokenizer.model", "tekken.json"}) {
    if (name == std::string("vocab.json") && !fs::exists(folder / "merges.txt", status)) continue;
    if (fs::exists(folder / name, status)) return folder / name;
  }
  fail_nothing_found(folder);
}

TokenizerFile read_main_file(const fs::path& path, const TokenFiles& files) {
  std::error_code status;
  const fs::path folder = path.parent_path();
  const std::string name = path.filename().string();
  if (name == "tekken.json") return from_tekken(path);
  if (name.ends_with(".model")) return from_sentencepiece(path, files.config);
  if (name == "vocab.json" && fs::exists(folder / "merges.txt", status))
    return from_vocab_and_merges(folder, files.config, read_optional(folder / "config.json"));
  if (name == "vocab.json") fail_nothing_found(folder);
  TokenizerFile file = from_tokenizer_json(path);
  warn_of_flags(files, &file);
  return file;
}

}  // namespace

bool has_tokenizer(const fs::path& folder) {
  std::error_code status;
  for (const char* name : {"tokenizer.json", "vocab.json", "tokenizer.model", "tekken.json"})
    if (fs::exists(folder / name, status)) return true;
  return false;
}

TokenizerFile read_tokenizer(const fs::path& path) {
  std::error_code status;
  if (!fs::exists(path, status))
    cannot_load(path.string(), "does not exist; expected a tokenizer's folder or file");
  const fs::path main = fs::is_directory(path, status) ? main_file(path) : path;
  const TokenFiles files = read_token_files(main.parent_path());
  TokenizerFile file = read_main_file(main, files);
  if (file.document.is_object()) add_named_tokens(files, &file);
  return file;
}

}  // namespace kvhost::tok
