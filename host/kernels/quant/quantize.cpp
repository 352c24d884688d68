// SPDX-License-Identifier: Apache-2.0
#include "kernels/quant/quantize.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/narrow.hpp"

namespace kvhost {

namespace {

constexpr int64_t kGroup = 32;

// 1 / d where that is a number, else 0: all codes of such a block mean nothing.
float inverse(float d) {
  const float out = 1.0F / d;
  return std::isfinite(out) ? out : 0.0F;
}

// Scale and codes of one byte, halves rounded away from zero.
void quantize_q8_0(const float* x, uint8_t* block) {
  float largest = 0;
  for (int64_t i = 0; i < kGroup; ++i) largest = std::max(largest, std::abs(x[i]));
  const float d = largest / 127.0F, inverted = inverse(d);
  narrow(&d, 1, DType::Float16, block);
  for (int64_t i = 0; i < kGroup; ++i)
    block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(x[i] * inverted)));
}

// The number that is largest in size becomes code 0, which is -8.
void quantize_q4_0(const float* x, uint8_t* block) {
  float most = x[0];
  for (int64_t i = 0; i < kGroup; ++i)
    if (std::abs(x[i]) > std::abs(most)) most = x[i];
  const float d = most / -8.0F, inverted = inverse(d);
  narrow(&d, 1, DType::Float16, block);
  const auto code = [&](float number) {
    return static_cast<uint8_t>(std::clamp(number * inverted + 8.5F, 0.0F, 15.0F));
  };
  for (int64_t i = 0; i < kGroup / 2; ++i)
    block[2 + i] = static_cast<uint8_t>(code(x[i]) | code(x[kGroup / 2 + i]) << 4);
}

}  // namespace

void quantize(WeightType type, const float* from, int64_t n, void* out) {
  const int64_t stored = row_bytes(type, kGroup);
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; i += kGroup, block += stored)
    (type == WeightType::Q8_0 ? quantize_q8_0 : quantize_q4_0)(from + i, block);
}

}  // namespace kvhost
