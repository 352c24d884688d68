// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern_json.hpp"

#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tokenizer/pattern_translate.hpp"

namespace kvhost::tok {

Pattern load_pattern(const JsonNode& node) {
  if (const auto text = node.find("String")) return Pattern::literal(text->as_string());
  const auto regex = node.find("Regex");
  if (!regex)
    node.fail("found " + quoted(json_text(node.value())) + "; expected {\"String\": ...} or {\"Regex\": ...}");
  try {
    return Pattern::regex(regex->as_string());
  } catch (const PatternError& e) {
    regex->fail("pattern " + quoted(regex->as_string()) + " cannot be used: " + e.what() +
                "; expected a regular expression in Oniguruma's syntax");
  }
}

}  // namespace kvhost::tok
