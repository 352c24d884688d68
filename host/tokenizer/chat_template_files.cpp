// SPDX-License-Identifier: Apache-2.0
// Where a model's folder keeps its chat templates and the special tokens they print.
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "format/gguf.hpp"
#include "tokenizer/chat_template_impl.hpp"
#include "tokenizer/gguf_tokenizer.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

NamedTemplate compiled(const std::string& source, const std::string& name) {
  try {
    return {jinja::Template::parse(source, name), std::nullopt, source};
  } catch (const Error& error) {
    return {std::nullopt, error, source};
  }
}

json read_if_there(const fs::path& path) {
  std::error_code status;
  return fs::exists(path, status) ? read_json(path, ExitCode::CannotLoad) : json();
}

using Templates = std::map<std::string, NamedTemplate>;

void add_file(const fs::path& path, const std::string& name, Templates* out) {
  std::error_code status;
  if (fs::is_regular_file(path, status))
    (*out)[name] = compiled(read_file(path, ExitCode::CannotLoad), path.string());
}

Templates from_files(const fs::path& folder) {
  Templates out;
  add_file(folder / "chat_template.jinja", "default", &out);
  std::error_code status;
  for (const auto& entry : fs::directory_iterator(folder / "additional_chat_templates", status))
    if (entry.path().extension() == ".jinja")
      add_file(entry.path(), entry.path().stem().string(), &out);
  return out;
}

// "chat_template": a template, or [{"name": "default", "template": "..."}, ...].
Templates from_config(const json& config, const std::string& file) {
  Templates out;
  if (!config.is_object() || !config.contains("chat_template")) return out;
  const json& found = config["chat_template"];
  const std::string where = file + "#/chat_template";
  if (found.is_null()) return out;
  if (found.is_string()) {
    out["default"] = compiled(found.get<std::string>(), where);
    return out;
  }
  if (!found.is_array()) cannot_load(where,
                std::string("found ") + found.type_name() +
                    "; expected a text or an array of named templates");
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string at = where + "/" + std::to_string(i);
    const auto text = [&](const char* key) {
      if (!found[i].is_object() || !found[i].contains(key) || !found[i][key].is_string())
        cannot_load(at,
                    std::string("found ") + found[i].type_name() +
                        "; expected an object with the text \"" + key + "\"");
      return found[i][key].get<std::string>();
    };
    out[text("name")] = compiled(text("template"), at);
  }
  return out;
}

// "<s>" or {"content": "<s>", ...}
std::optional<std::string> token_text(const json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string())
    return token["content"].get<std::string>();
  return std::nullopt;
}

ChatTemplate::SpecialTokens special_tokens_of(const json& config, const json& map) {
  ChatTemplate::SpecialTokens out;
  // The map is older than added_tokens_decoder and not read beside it.
  const bool with_map = !config.is_object() || !config.contains("added_tokens_decoder");
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"})
    for (const json* source : {&config, &map}) {
      if ((source == &map && !with_map) || !source->is_object() || !source->contains(name))
        continue;
      if (auto text = token_text((*source)[name])) out[name] = *text;
    }
  return out;
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::of_gguf(const fs::path& file) {
  const GgufMetadata metadata = read_gguf(file).metadata;
  auto impl = std::make_shared<Impl>();
  impl->origin = file.string();
  for (const auto& [name, source] : gguf_chat_templates(metadata))
    impl->templates[name] = compiled(source, file.string() + "#tokenizer.chat_template");
  if (impl->templates.empty()) return std::nullopt;
  impl->tokens = gguf_special_tokens(metadata);
  return ChatTemplate(std::move(impl));
}

std::optional<ChatTemplate> ChatTemplate::find(const fs::path& folder) {
  if (is_gguf(folder)) return of_gguf(folder);
  const fs::path config_file = folder / "tokenizer_config.json";
  const json config = read_if_there(config_file);
  auto impl = std::make_shared<Impl>();
  impl->origin = folder.string();
  impl->templates = from_files(folder);
  if (impl->templates.empty()) impl->templates = from_config(config, config_file.string());
  if (impl->templates.empty()) {
    const fs::path processor = folder / "chat_template.json";
    impl->templates = from_config(read_if_there(processor), processor.string());
  }
  if (impl->templates.empty()) return std::nullopt;
  impl->tokens = special_tokens_of(config, read_if_there(folder / "special_tokens_map.json"));
  return ChatTemplate(std::move(impl));
}

}  // namespace kvhost
