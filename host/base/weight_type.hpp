// SPDX-License-Identifier: Apache-2.0
// How weights lie in memory: plain numbers, or blocks of quantised ones (the types of GGML, whose
// block layouts llama.cpp's ggml-common.h defines).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kvhost {

enum class WeightType : uint8_t {
  F32,
  F16,
  BF16,
  Q8_0,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  MXFP4,
};

struct WeightTypeInfo {
  WeightType type;
  const char* name;     // as users and GGUF spell it: "Q4_K"
  int64_t block;        // weights per block; rows hold whole blocks
  int64_t block_bytes;  // of a block
};

std::span<const WeightTypeInfo> weight_types();
const WeightTypeInfo& weight_type_info(WeightType type);
std::optional<WeightType> find_weight_type(std::string_view name);  // any case
// Plain numbers rather than blocks.
inline bool is_plain(WeightType type) { return type <= WeightType::BF16; }
// Bytes of a row of n weights, n a multiple of the block.
int64_t row_bytes(WeightType type, int64_t n);

}  // namespace kvhost
