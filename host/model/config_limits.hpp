// SPDX-License-Identifier: Apache-2.0
// Beyond these a model's configuration is damaged rather than large; they keep products of sizes
// inside 64 bits.
#pragma once

#include <cstdint>

namespace kvhost {

inline constexpr int64_t kMostLayers = 4096, kMostHeads = 4096, kMostHeadDim = 4096,
                         kMostWidth = int64_t{1} << 22, kMostVocab = int64_t{1} << 26,
                         kMostPositions = int64_t{1} << 40, kMostExperts = 65536;

}  // namespace kvhost
