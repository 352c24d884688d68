// SPDX-License-Identifier: Apache-2.0
// What a scorer said about one layer.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/kv_cache.hpp"

namespace kvhost {

// Ragged scores and pins of one layer.
struct LayerScores {
  std::vector<std::vector<float>> scores;  // [n_kv_heads][n]
  std::vector<std::vector<int8_t>> pins;

  int64_t bytes() const;
  void gather(const KeepPlan& keep);  // follow a compaction
};

}  // namespace kvhost
