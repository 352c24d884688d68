// SPDX-License-Identifier: Apache-2.0
// What the two halves of ChatTemplate share.
#pragma once

#include "base/error.hpp"
#include "tokenizer/chat_template.hpp"
#include "tokenizer/jinja/template.hpp"

namespace kvhost {

struct NamedTemplate {
  std::optional<jinja::Template> code;
  std::optional<Error> error;  // why there is no code
  std::string source;
};

struct ChatTemplate::Impl {
  const jinja::Template& choose(const std::string& wanted, bool with_tools) const;
  std::string render(const jinja::Dict& variables, const ChatOptions& options) const;

  std::string origin;  // file or folder, for messages
  std::map<std::string, NamedTemplate> templates;
  SpecialTokens tokens;
};

}  // namespace kvhost
