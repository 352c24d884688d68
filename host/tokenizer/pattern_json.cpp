// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern_json.hpp"

#include "tokenizer/pattern_translate.hpp"

namespace kvhost::tok {

Pattern load_pattern(const JsonNode& node) {
  if (const auto text = node.find("String")) return Pattern::literal(text->as_string());
  const auto regex = node.find("Regex");
  if (!regex)
    node.fail("found " + node.value().dump() + "; expected {\"String\": ...} or {\"Regex\": ...}");
  try {
    return Pattern::regex(regex->as_string());
  } catch (const PatternError& e) {
    regex->fail("pattern '" + regex->as_string() + "' cannot be used: " + e.what());
  }
}

}  // namespace kvhost::tok
