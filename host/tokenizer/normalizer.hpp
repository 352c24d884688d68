// SPDX-License-Identifier: Apache-2.0
// What happens to the text before it is cut: Unicode normal forms, replacements, prefixes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tokenizer/json_node.hpp"

namespace kvhost::tok {

class Normalizer {
 public:
  Normalizer() = default;  // leaves the text alone
  // `first`: the text begins where the whole text begins.
  using Step = std::function<void(std::string& text, bool first)>;
  explicit Normalizer(const JsonNode& node);
  explicit Normalizer(Step step) { steps_.push_back(std::move(step)); }

  std::string apply(std::string text, bool first = true) const;

 private:
  void add(const JsonNode& node);

  std::vector<Step> steps_;
};

}  // namespace kvhost::tok
