// SPDX-License-Identifier: Apache-2.0
// What an oracle would keep: the attention that later tokens pay to a text's entries when none of
// them is missing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/model.hpp"

namespace kvhost {

// [n_layers][n_kv_heads][n_tokens of the text]: summed over the later tokens and over the query
// heads that share a KV head.
using ReceivedAttention = std::vector<std::vector<std::vector<float>>>;

class FullReading {
 public:
  // Reads `text` and keeps all of it. Used by one thread at a time.
  FullReading(const Model& model, std::span<const int32_t> text);
  ~FullReading();

  // From `readers`, read behind the text and forgotten again; at least one.
  ReceivedAttention received(std::span<const int32_t> readers);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost
