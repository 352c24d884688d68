// SPDX-License-Identifier: Apache-2.0
// Prompts that come with a bundled model: prompts/<name>.json in its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvhost {

struct DemoPrompt {
  std::string name, title, source;
  std::string text;
  std::string question;  // that the text ends with; "" when there is none
  std::string expect;  // what a model that still remembers answers; "" when there is no such thing
  int64_t max_new_tokens = 0;  // 0: no wish
};

inline constexpr const char* kDefaultDemo = "needle";

std::vector<std::string> demo_names(const std::filesystem::path& model_dir);

// Throws Error(BadRequest) for an unknown name (listing the known ones), Error(CannotLoad) for a
// damaged file.
DemoPrompt load_demo(const std::filesystem::path& model_dir, const std::string& name);

}  // namespace kvhost
