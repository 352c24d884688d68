// SPDX-License-Identifier: Apache-2.0
// kvh_prompt with names.
#pragma once

#include <string>
#include <vector>

#include "error.hpp"
#include "prompt.h"

namespace kvhost::sdk {

class Prompt {
 public:
  explicit Prompt(const kvh_prompt& raw) : raw_(&raw) {}
  explicit Prompt(const kvh_prompt&&) = delete;

  int64_t n_tokens() const { return raw_->n_tokens; }
  const int32_t* tokens() const { return raw_->tokens; }

  // Tokens that the chat template puts in front; 0: none.
  int64_t n_template() const { return length_of(KVH_PART_TEMPLATE); }
  // Tokens at the end that ask about what stands before; 0: not known.
  int64_t n_question() const { return length_of(KVH_PART_QUESTION); }

  std::vector<int32_t> suffix() const { return {raw_->suffix, raw_->suffix + raw_->n_suffix}; }

  // [throws] KVH_E_UNSUPPORTED where the model has no tokenizer.
  std::vector<int32_t> tokenize(const char* text) const {
    std::vector<int32_t> ids(64);
    int64_t n = 0;
    for (int attempt = 0; attempt < 2; ++attempt) {
      kvh_error error{sizeof(kvh_error), KVH_OK, {}, {}};
      const auto capacity = static_cast<int64_t>(ids.size());
      const kvh_status status = raw_->tokenize(raw_, text, ids.data(), capacity, &n, &error);
      if (status != KVH_OK) throw Error(status, error.path, error.message);
      ids.resize(static_cast<size_t>(n));
      if (n <= capacity) break;
    }
    return ids;
  }

 private:
  int64_t length_of(uint32_t kind) const {
    int64_t n = 0;
    for (uint32_t i = 0; i < raw_->n_parts; ++i)
      if (raw_->parts[i].kind == kind) n += raw_->parts[i].end - raw_->parts[i].begin;
    return n;
  }

  const kvh_prompt* raw_;
};

}  // namespace kvhost::sdk
