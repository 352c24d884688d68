// SPDX-License-Identifier: Apache-2.0
// Blocks of every quantised type with ordinary scales.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/weight_type.hpp"

namespace quant_cases {

// Byte offsets of the half-precision scales in a block; -1: none.
inline void scale_offsets(kvhost::WeightType type, int offsets[2]) {
  using T = kvhost::WeightType;
  offsets[0] = type == T::MXFP4  ? -1
               : type == T::Q2_K ? 80
               : type == T::Q3_K ? 108
               : type == T::Q6_K ? 208
                                 : 0;
  const bool two =
      type == T::Q4_1 || type == T::Q5_1 || type == T::Q2_K || type == T::Q4_K || type == T::Q5_K;
  offsets[1] = two ? offsets[0] + 2 : -1;
}

// Random bytes with scales from 0.25 to 1 in size, of either sign.
inline std::vector<uint8_t> random_blocks(kvhost::WeightType type, int64_t n, uint32_t seed) {
  const auto& info = kvhost::weight_type_info(type);
  std::vector<uint8_t> out(static_cast<size_t>(n / info.block * info.block_bytes));
  std::mt19937 draw(seed);
  for (auto& byte : out) byte = static_cast<uint8_t>(draw());
  int offsets[2];
  scale_offsets(type, offsets);
  for (size_t block = 0; block < out.size(); block += static_cast<size_t>(info.block_bytes)) {
    for (const int offset : offsets) {
      if (offset < 0) continue;
      const auto bits = static_cast<uint16_t>(0x3400u + (draw() & 0x83ffu) + (draw() & 0x400u));
      std::memcpy(&out[block + static_cast<size_t>(offset)], &bits, sizeof bits);
    }
    if (type == kvhost::WeightType::MXFP4) out[block] = static_cast<uint8_t>(120 + out[block] % 8);
  }
  return out;
}

}  // namespace quant_cases
