// SPDX-License-Identifier: Apache-2.0
// What a stretch's positions do to its queries and keys, in float32.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/config.hpp"

namespace kvhost {

// Cosines and sines.
class RotaryTable {
 public:
  RotaryTable(std::span<const float> inv_freq,
              double attention_scaling,
              int64_t first_position,
              int64_t n_tokens);

  int64_t half() const { return half_; }
  const float* cos(int64_t token) const { return cos_.data() + token * half_; }  // [.., half]
  const float* sin(int64_t token) const { return sin_.data() + token * half_; }

 private:
  int64_t half_;
  std::vector<float> cos_, sin_;  // [n_tokens, half]
};

class PositionTables {
 public:
  // n_first: tokens of the pass that began the sequence (RopeConfig::frequencies).
  PositionTables(const ModelConfig& config,
                 int64_t n_first,
                 int64_t first_position,
                 int64_t n_tokens);

  // Of a layer; null where it does not rotate.
  const RotaryTable* rotary(const ModelConfig& config, int64_t layer) const;
  // Factors on queries from `token` on; null: 1.
  const float* query_scale(int64_t token) const {
    return query_scale_.empty() ? nullptr : query_scale_.data() + token;
  }

 private:
  std::optional<RotaryTable> main_, local_;
  std::vector<float> query_scale_;  // [n_tokens], or empty
};

}  // namespace kvhost
