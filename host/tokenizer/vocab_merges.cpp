// SPDX-License-Identifier: Apache-2.0
// Older folders: vocab.json and merges.txt. How the text is cut is not in them; it follows from the
// tokenizer's class.
#include <optional>
#include <set>
#include <sstream>

#include "base/json_file.hpp"
#include "tokenizer/json_node.hpp"
#include "tokenizer/special_tokens.hpp"
#include "tokenizer/tokenizer_file.hpp"

namespace kvhost::tok {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

enum class Style { Gpt2, Qwen2 };

constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr size_t kGpt2Pieces = 50257, kQwen2Pieces = 151643;  // the two published vocabularies
constexpr const char* kEndOfText = "<|endoftext|>";

std::string text_at(const json& config, const char* key) {
  return config.is_object() && config.contains(key) && config[key].is_string()
             ? config[key].get<std::string>()
             : "";
}

std::optional<Style> style_of_class(const std::string& name) {
  if (name == "GPT2Tokenizer" || name == "GPT2TokenizerFast") return Style::Gpt2;
  if (name == "Qwen2Tokenizer" || name == "Qwen2TokenizerFast") return Style::Qwen2;
  return std::nullopt;
}

std::optional<Style> style_of_model(const std::string& model_type) {
  if (model_type == "gpt2" || model_type == "gpt_neo" || model_type == "gptj") return Style::Gpt2;
  if (model_type.starts_with("qwen2") || model_type.starts_with("qwen3")) return Style::Qwen2;
  return std::nullopt;
}

struct Choice {
  Style style;
  std::string reason;
};

Choice choose(const fs::path& folder, const json& config, const json& model_config, size_t pieces) {
  const std::string expected =
      "; expected GPT2Tokenizer or Qwen2Tokenizer, or a tokenizer.json in the folder";
  if (const std::string name = text_at(config, "tokenizer_class"); !name.empty()) {
    if (const auto style = style_of_class(name)) return {*style, "tokenizer_class " + name};
    cannot_load((folder / "tokenizer_config.json").string() + "#/tokenizer_class",
                "'" + name + "' is not supported with vocab.json and merges.txt" + expected);
  }
  const std::string model_type = text_at(model_config, "model_type");
  if (const auto style = style_of_model(model_type)) return {*style, "model_type " + model_type};
  if (pieces == kGpt2Pieces) return {Style::Gpt2, std::to_string(pieces) + " pieces"};
  if (pieces == kQwen2Pieces) return {Style::Qwen2, std::to_string(pieces) + " pieces"};
  cannot_load((folder / "vocab.json").string(),
              "a vocabulary of " + std::to_string(pieces) +
                  " pieces with no tokenizer_class beside it" + expected);
}

json read_merges(const fs::path& path) {
  std::istringstream lines(read_file(path, ExitCode::CannotLoad));
  json merges = json::array();
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.starts_with("#version") || line.empty()) continue;
    const size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos)
      cannot_load(path.string() + ":" + std::to_string(number),
                  "found '" + line + "'; expected two pieces and a space");
    merges.push_back(line);
  }
  return merges;
}

json byte_level(bool use_regex, bool add_prefix_space) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"use_regex", use_regex}};
}

json pre_tokenizer(Style style, bool add_prefix_space) {
  if (style == Style::Gpt2) return byte_level(/*use_regex=*/true, add_prefix_space);
  const json cut = {
      {"type", "Split"}, {"pattern", {{"Regex", kQwen2Pattern}}}, {"behavior", "Isolated"}};
  return {{"type", "Sequence"},
          {"pretokenizers", json::array({cut, byte_level(/*use_regex=*/false, add_prefix_space)})}};
}

// <|endoftext|> plays the roles that the configuration gives to no other token.
json added_tokens(Style style, const json& config) {
  const std::vector<const char*> roles = style == Style::Gpt2
                                             ? std::vector{"bos_token", "eos_token", "unk_token"}
                                             : std::vector{"eos_token", "unk_token", "pad_token"};
  json tokens = json::array();
  for (const char* role : roles)
    if (tokens.empty() && (!config.is_object() || !config.contains(role)))
      tokens.push_back(special_token(kEndOfText));
  return tokens;
}

// add_bos_token and add_eos_token.
json post_processor(const json& config, const std::string& bos, const std::string& eos) {
  json single = json::array(), tokens = json::object();
  const auto put = [&](const char* flag, const char* role, const std::string& usual) {
    if (!flag_of(config, flag).value_or(false)) return;
    const std::string named = token_named(config, role), token = named.empty() ? usual : named;
    if (token.empty()) return;
    single.push_back({{"SpecialToken", {{"id", token}}}});
    tokens[token] = {{"tokens", json::array({token})}};
  };
  put("add_bos_token", "bos_token", bos);
  single.push_back({{"Sequence", {{"id", "A"}}}});
  put("add_eos_token", "eos_token", eos);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", tokens}};
}

}  // namespace

TokenizerFile from_vocab_and_merges(const fs::path& folder,
                                    const json& config,
                                    const json& model_config) {
  json vocab = read_json(folder / "vocab.json", ExitCode::CannotLoad);
  const Choice choice = choose(folder, config, model_config, vocab.size());
  const bool prefix = flag_of(config, "add_prefix_space").value_or(false);
  TokenizerFile file;
  file.name = (folder / "vocab.json").string() + " + merges.txt";
  const std::string style = choice.style == Style::Gpt2 ? "GPT-2" : "Qwen2";
  file.origin = "vocab.json + merges.txt, cut as " + style + " (by " + choice.reason + ")";
  file.warnings.push_back(folder.string() + ": no tokenizer.json; text is cut as by " + style +
                          " (by " + choice.reason + ")");
  file.eos = kEndOfText;
  if (choice.style == Style::Gpt2) file.bos = kEndOfText;
  json& d = file.document;
  d["added_tokens"] = added_tokens(choice.style, config);
  d["normalizer"] = choice.style == Style::Qwen2 ? json{{"type", "NFC"}} : json();
  d["pre_tokenizer"] = pre_tokenizer(choice.style, prefix);
  d["decoder"] = byte_level(/*use_regex=*/true, prefix);
  d["post_processor"] = post_processor(config, file.bos, file.eos);
  d["model"]["type"] = "BPE";
  d["model"]["merges"] = read_merges(folder / "merges.txt");
  d["model"]["vocab"] = std::move(vocab);
  return file;
}

}  // namespace kvhost::tok
