// SPDX-License-Identifier: Apache-2.0
// What is put around the ids of a text: <s> and the like.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/json_node.hpp"

namespace kvhost::tok {

class PostProcessor {
 public:
  PostProcessor() = default;  // adds nothing
  // `id_of` finds a token by its text.
  using Lookup = std::function<std::optional<int32_t>(const std::string&)>;
  PostProcessor(const JsonNode& node, const Lookup& id_of);

  std::vector<int32_t> apply(std::vector<int32_t> ids) const;

 private:
  struct Template {
    std::vector<int32_t> before, after;
  };
  void add(const JsonNode& node, const Lookup& id_of);
  void add_template(const JsonNode& node, const Lookup& id_of);
  void add_pair(const JsonNode& node);

  std::vector<Template> templates_;  // innermost first
};

}  // namespace kvhost::tok
