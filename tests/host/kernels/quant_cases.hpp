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

// Scales from 0.25 to 1 in size, of either sign, where random bytes would make any number.
inline void give_scales(kvhost::WeightType type, std::vector<uint8_t>& blocks, std::mt19937& draw) {
  int offsets[2];
  scale_offsets(type, offsets);
  const auto step = static_cast<size_t>(kvhost::weight_type_info(type).block_bytes);
  for (size_t block = 0; block < blocks.size(); block += step) {
    for (const int offset : offsets) {
      if (offset < 0) continue;
      const auto bits = static_cast<uint16_t>(0x3400u + (draw() & 0x83ffu) + (draw() & 0x400u));
      std::memcpy(&blocks[block + static_cast<size_t>(offset)], &bits, sizeof bits);
    }
    if (type == kvhost::WeightType::MXFP4)
      blocks[block] = static_cast<uint8_t>(120 + blocks[block] % 8);
  }
}

// Of n weights, with random bytes.
inline std::vector<uint8_t> random_blocks(kvhost::WeightType type, int64_t n, uint32_t seed) {
  std::mt19937 draw(seed);
  std::vector<uint8_t> out(static_cast<size_t>(kvhost::row_bytes(type, n)));
  for (auto& byte : out) byte = static_cast<uint8_t>(draw());
  give_scales(type, out, draw);
  return out;
}

// The same byte everywhere but in scales.
inline std::vector<uint8_t> filled_blocks(kvhost::WeightType type, int64_t n, uint8_t byte) {
  std::mt19937 draw(byte);
  std::vector<uint8_t> out(static_cast<size_t>(kvhost::row_bytes(type, n)), byte);
  give_scales(type, out, draw);
  return out;
}

}  // namespace quant_cases
