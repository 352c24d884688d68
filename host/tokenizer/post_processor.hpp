// SPDX-License-Identifier: Apache-2.0
// What is put around the ids of a text: <s> and the like.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenizer/json_node.hpp"

namespace kvhost::tok {

class PostProcessor {
 public:
  PostProcessor() = default;  // adds nothing
  PostProcessor(const JsonNode& node, int32_t vocab_size);

  std::vector<int32_t> apply(std::vector<int32_t> ids) const;

 private:
  struct Template {
    std::vector<int32_t> before, after;
  };
  void add(const JsonNode& node, int32_t vocab_size);
  void add_template(const JsonNode& node, int32_t vocab_size);

  std::vector<Template> templates_;  // innermost first
};

}  // namespace kvhost::tok
