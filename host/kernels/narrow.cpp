// SPDX-License-Identifier: Apache-2.0
#include "kernels/narrow.hpp"

#include <bit>
#include <cstring>

namespace kvhost {
namespace {

// Both are computed and one is chosen, which compilers make vectors of.
uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

uint16_t to_half(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000u, rest = bits & 0x7fffffffu;
  uint32_t half = 0;
  if (rest > 0x7f800000u) {
    half = 0x7e00u;  // NaN
  } else if (rest >= 0x477ff000u) {
    half = 0x7c00u;  // 65520 and more: infinity
  } else if (rest >= 0x38800000u) {
    half = (rest - 0x38000000u + 0xfffu + ((rest >> 13) & 1u)) >> 13;
  } else {  // subnormal: the addition rounds to multiples of 2^-24
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(rest) + 0.5f) - 0x3f000000u;
  }
  return static_cast<uint16_t>(half | sign);
}

}  // namespace

void narrow(const float* from, int64_t n, DType dtype, void* to) {
  if (dtype == DType::Float32) {
    if (n > 0) std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  auto* out = static_cast<uint16_t*>(to);
  if (dtype == DType::BFloat16) {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = to_bf16(from[i]);
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = to_half(from[i]);
    }
  }
}

}  // namespace kvhost
