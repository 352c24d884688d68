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
  explicit Normalizer(const JsonNode& node);

  std::string apply(std::string text) const;

 private:
  using Step = std::function<void(std::string&)>;
  void add(const JsonNode& node);

  std::vector<Step> steps_;
};

}  // namespace kvhost::tok
