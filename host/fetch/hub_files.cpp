// SPDX-License-Identifier: Apache-2.0
#include "fetch/hub_files.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_small_part(const std::string& name) {
  static const std::vector<std::string> kNames = {"config.json",
                                                  "generation_config.json",
                                                  "tokenizer.json",
                                                  "tokenizer_config.json",
                                                  "special_tokens_map.json",
                                                  "added_tokens.json",
                                                  "vocab.json",
                                                  "merges.txt",
                                                  "tokenizer.model",
                                                  "spiece.model",
                                                  "tekken.json",
                                                  "chat_template.jinja",
                                                  "chat_template.json",
                                                  kWeightsIndex};
  return contains(kNames, name) ||
         (name.starts_with("additional_chat_templates/") && name.ends_with(".jinja"));
}

std::vector<std::string> ggufs_of(const std::vector<std::string>& names) {
  static const std::regex later_part("-([0-9]{5})-of-[0-9]{5}\\.gguf$");
  std::vector<std::string> out;
  for (const auto& name : names) {
    std::smatch number;
    if (!name.ends_with(".gguf") || name.find("mmproj") != std::string::npos) continue;
    if (!std::regex_search(name, number, later_part) || number[1] == "00001") out.push_back(name);
  }
  return out;
}

[[noreturn]] void refuse(const std::string& id, const std::vector<std::string>& names) {
  const auto ggufs = ggufs_of(names);
  if (!ggufs.empty())
    cannot_load(id,
                "holds " + std::to_string(ggufs.size()) + " GGUF models (" + join(ggufs, ", ") +
                    "); expected one to be named: kvhost fetch " + id + " --file " + ggufs.front());
  if (contains(names, "adapter_config.json"))
    cannot_load(id, "holds a PEFT adapter, not a model; expected safetensors or a GGUF file");
  for (const auto& name : names)
    if (name.starts_with("pytorch_model") && name.ends_with(".bin"))
      cannot_load(id,
                  "holds weights as " + name +
                      " only; expected safetensors or a GGUF file; convert it with transformers' "
                      "save_pretrained, or look for a repository that did");
  cannot_load(id, "holds no model; expected config.json with safetensors, or a GGUF file");
}

}  // namespace

ChosenFiles choose_files(const std::string& id, const std::vector<std::string>& names) {
  ChosenFiles chosen;
  const bool index = contains(names, kWeightsIndex);
  if (!contains(names, "config.json") || !(index || contains(names, "model.safetensors"))) {
    const auto ggufs = ggufs_of(names);
    if (ggufs.size() != 1) refuse(id, names);
    chosen.weights = parts_of(ggufs.front());
    return chosen;
  }
  std::copy_if(names.begin(), names.end(), std::back_inserter(chosen.small), is_small_part);
  if (!index) chosen.weights = {"model.safetensors"};
  return chosen;
}

std::vector<std::string> choose_gguf(const std::string& id,
                                     const std::vector<std::string>& names,
                                     const std::string& file) {
  std::vector<std::string> meant;
  for (const auto& name : names)
    if (name == file || name.ends_with("/" + file)) meant.push_back(name);
  const auto ggufs = ggufs_of(names);
  if (meant.empty())
    bad_request("--file",
                "found no '" + file + "' in " + id + "; expected one of " +
                    (ggufs.empty() ? "its GGUF files, of which it has none" : join(ggufs, ", ")) +
                    did_you_mean(file, ggufs));
  if (meant.size() > 1 && !contains(meant, file))
    bad_request("--file",
                "'" + file + "' may mean " + join(meant, " or ") + "; expected one of them");
  const auto parts = parts_of(contains(meant, file) ? file : meant.front());
  for (const auto& part : parts)
    if (!contains(names, part))
      cannot_load(id, "has no " + part + "; expected all parts of " + parts.front());
  return parts;
}

std::vector<std::string> parts_of(const std::string& name) {
  static const std::regex part("^(.*)-[0-9]{5}-of-([0-9]{5})(\\.gguf)$");
  std::smatch split;
  if (!std::regex_match(name, split, part) || split[2] == "00000") return {name};
  std::vector<std::string> names;
  for (int i = 1; i <= std::stoi(split[2]); ++i) {
    const std::string number = std::to_string(i);
    names.push_back(split[1].str() + "-" + std::string(5 - number.size(), '0') + number + "-of-" +
                    split[2].str() + split[3].str());
  }
  return names;
}

std::set<std::string> index_shards(const std::filesystem::path& index) {
  const nlohmann::json read = read_json(index, ExitCode::CannotLoad);
  std::set<std::string> shards;
  if (read.is_object() && read.contains("weight_map"))
    for (const auto& shard : read["weight_map"])
      shards.insert(shard.is_string() ? shard.get<std::string>() : json_text(shard));
  if (shards.empty()) cannot_load(index.string(), "lists no shards; expected a weight_map");
  return shards;
}

void check_relative(const std::string& where, const std::string& name) {
  constexpr size_t kLongestPath = 4096, kLongestName = 255;
  bool good = !name.empty() && name.size() < kLongestPath && name.front() != '/' && name.back() != '/' &&
              std::none_of(name.begin(), name.end(), [](unsigned char c) {
                return c < 0x20 || c == 0x7f || c == '\\';
              });
  std::istringstream parts(name);
  for (std::string part; good && std::getline(parts, part, '/');)
    good = !part.empty() && part != "." && part != ".." && part.size() <= kLongestName;
  if (!good)
    cannot_load(where, "names a file " + quoted(name) + "; expected a path inside the repository");
}

}  // namespace kvhost
