// SPDX-License-Identifier: Apache-2.0
#include "input/demo_prompts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "input/limits.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

std::string text_of(const nlohmann::json& prompt, const char* key, const fs::path& file) {
  if (!prompt.contains(key)) return "";
  if (!prompt[key].is_string())
    cannot_load(file.string() + " /" + key,
                "found " + quoted(json_text(prompt[key])) + "; expected a string");
  return prompt[key].get<std::string>();
}

}  // namespace

std::vector<std::string> demo_names(const fs::path& model_dir) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(model_dir / "prompts", ignored))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

DemoPrompt load_demo(const fs::path& model_dir, const std::string& name) {
  const auto names = demo_names(model_dir);
  if (std::find(names.begin(), names.end(), name) == names.end())
    bad_request("--demo",
                names.empty() ? model_dir.string() +
                                    " has no bundled prompts; expected a prompt: -p TEXT or -f FILE"
                              : "found " + quoted(name) + "; expected one of " + join(names, ", ") +
                                    did_you_mean(name, names));
  const fs::path file = model_dir / "prompts" / (name + ".json");
  const nlohmann::json json = read_json(file, ExitCode::CannotLoad);
  if (!json.is_object())
    cannot_load(file.string(), std::string("found ") + json.type_name() + "; expected an object");
  DemoPrompt prompt;
  prompt.name = name;
  prompt.title = text_of(json, "title", file);
  prompt.source = text_of(json, "source", file);
  prompt.text = text_of(json, "text", file);
  prompt.question = text_of(json, "question", file);
  prompt.expect = text_of(json, "expect", file);
  if (json.contains("max_new_tokens"))
    prompt.max_new_tokens = integer_from_json(
        file.string() + " /max_new_tokens", json["max_new_tokens"], kNotNegative);
  if (prompt.text.empty())
    cannot_load(file.string() + " /text", "is absent or empty; expected the prompt");
  return prompt;
}

}  // namespace kvhost
