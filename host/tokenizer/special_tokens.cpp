// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/special_tokens.hpp"

#include <charconv>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"

namespace kvhost::tok {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kRoles[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

// A token as a string or an object; null when it is neither or empty.
json as_token(const json& value) {
  if (value.is_string()) return value.empty() ? json() : special_token(value.get<std::string>());
  if (!value.is_object() || !value.contains("content") || !value["content"].is_string()) return {};
  json token = value;
  token.erase("__type");
  token["special"] = true;
  return token;
}

class Collector {
 public:
  Collector(const TokenFiles& files, TokenizerFile* file)
      : files_(files), file_(file), settings_(files.config) {
    json& list = file->document["added_tokens"];
    if (!list.is_array()) list = json::array();
    for (const json& token : list) note(token);
  }

  void run() {
    if (!settings_.is_object()) settings_ = json::object();
    // A configuration that lists its added tokens is complete; the other files are older than that.
    if (settings_.contains("added_tokens_decoder")) {
      add_decoder(settings_["added_tokens_decoder"]);
    } else {
      if (files_.special_tokens_map.is_object()) settings_.update(files_.special_tokens_map);
      add_older(files_.added_tokens);
    }
    for (const char* role : kRoles) add_named(role);
    for (const auto& [key, value] : settings_.items())  // "image_token" and the like
      if (key.ends_with("_token") && (value.is_string() || value.is_object())) add_named(key);
    for (const char* key : {"extra_special_tokens", "additional_special_tokens"})
      if (settings_.contains(key)) add_extra(settings_[key]);
    if (const std::string bos = token_named(settings_, "bos_token"); !bos.empty()) file_->bos = bos;
    if (const std::string eos = token_named(settings_, "eos_token"); !eos.empty()) file_->eos = eos;
  }

 private:
  void note(const json& token) {
    if (token.is_object() && token.contains("content") && token["content"].is_string())
      known_.insert(token["content"].get<std::string>());
  }

  void add(json token) {
    note(token);
    file_->document["added_tokens"].push_back(std::move(token));
  }

  // {"50256": {"content": ...}, ...}, by id.
  void add_decoder(const json& decoder) {
    std::map<int64_t, json> by_id;
    if (decoder.is_object())
      for (const auto& [key, entry] : decoder.items()) {
        int64_t id = -1;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (error != std::errc() || end != key.data() + key.size() || !entry.is_object() ||
            !entry.contains("content"))
          cannot_load(file_->name,
                      "added_tokens_decoder in tokenizer_config.json has '" + key + "': " +
                          quoted(json_text(entry)) + "; expected an id and {\"content\": ...}");
        by_id[id] = entry;
      }
    for (auto& [id, entry] : by_id) {
      entry["id"] = id;
      if (!entry.contains("normalized")) entry["normalized"] = !flag_of(entry, "special").value_or(false);
      if (is_named(entry["content"])) entry["special"] = true;
      add(std::move(entry));
    }
  }

  // added_tokens.json: {"<x>": 50257, ...}. What other files name is special.
  void add_older(const json& tokens) {
    if (!tokens.is_object()) return;
    std::map<int64_t, std::string> by_id;
    for (const auto& [content, id] : tokens.items()) {
      if (!id.is_number_integer())
        cannot_load(file_->name,
                    "added_tokens.json gives '" + content + "' the id " + json_text(id) +
                        "; expected an integer");
      if (!known_.contains(content)) by_id[id.get<int64_t>()] = content;
    }
    for (const auto& [id, content] : by_id) {
      const bool is_special = names(content);
      add({{"id", id},
           {"content", content},
           {"special", is_special},
           {"normalized", !is_special}});
    }
  }

  bool is_named(const json& content) const {
    for (const char* role : kRoles)
      if (content == token_named(settings_, role)) return true;
    return false;
  }

  bool names(const std::string& content) const {
    if (is_named(content)) return true;
    for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
      const auto list = settings_.find(key);
      if (list == settings_.end() || !list->is_array()) continue;
      for (const json& item : *list)
        if (const json token = as_token(item); !token.is_null() && token["content"] == content)
          return true;
    }
    return false;
  }

  void add_new(const json& value) {
    json token = as_token(value);
    if (token.is_null() || known_.contains(token["content"].get<std::string>())) return;
    add(std::move(token));
  }

  void add_named(const std::string& role) {
    if (const auto found = settings_.find(role); found != settings_.end()) add_new(*found);
  }

  void add_extra(const json& list) {
    if (list.is_array() || list.is_object())
      for (const json& value : list) add_new(value);
  }

  const TokenFiles& files_;
  TokenizerFile* file_;
  json settings_;
  std::set<std::string> known_;
};

}  // namespace

json read_optional(const fs::path& path) {
  std::error_code status;
  if (!fs::exists(path, status)) return {};
  json document = read_json(path, ExitCode::CannotLoad);
  if (!document.is_object() && !document.is_null())
    cannot_load(path.string(),
                std::string("found ") + document.type_name() + "; expected an object");
  return document;
}

std::optional<bool> flag_of(const json& config, const char* key) {
  if (!config.is_object() || !config.contains(key) || !config[key].is_boolean())
    return std::nullopt;
  return config[key].get<bool>();
}

TokenFiles read_token_files(const fs::path& folder) {
  return {read_optional(folder / "tokenizer_config.json"),
          read_optional(folder / "special_tokens_map.json"),
          read_optional(folder / "added_tokens.json")};
}

std::string token_named(const json& config, const std::string& key) {
  if (!config.is_object() || !config.contains(key)) return "";
  const json& token = config[key];
  if (token.is_string()) return token.get<std::string>();
  return token.is_object() && token.contains("content") && token["content"].is_string()
             ? token["content"].get<std::string>()
             : "";
}

json special_token(const std::string& content) {
  return {{"content", content}, {"special", true}, {"normalized", false}};
}

void add_named_tokens(const TokenFiles& files, TokenizerFile* file) {
  Collector(files, file).run();
}

}  // namespace kvhost::tok
