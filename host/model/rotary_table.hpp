// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of a stretch of positions, in float32.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.hpp"

namespace kvhost {

class RotaryTable {
 public:
  RotaryTable(const RopeConfig& rope, int64_t first_position, int64_t n_tokens);

  int64_t half() const { return half_; }
  const float* cos(int64_t token) const { return cos_.data() + token * half_; }  // [.., half]
  const float* sin(int64_t token) const { return sin_.data() + token * half_; }

 private:
  int64_t half_;
  std::vector<float> cos_, sin_;  // [n_tokens, half]
};

}  // namespace kvhost
