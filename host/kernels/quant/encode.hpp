// SPDX-License-Identifier: Apache-2.0
// Inputs as whole numbers of 15 bits and a sign: what is lost is 1 / 65534 of the largest that shares a scale. Included
// by level files only.
#pragma once

#include "kernels/quant/quant_level.hpp"
#include "kernels/quant/vectors.hpp"

namespace kvhost {
namespace {

// Rounds to the nearest, halves to even: adding and taking away 1.5 * 2^23.
inline Floats rounded(Floats x) {
  const Floats big = all(12582912.0F);
  return (x + big) - big;
}

inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }

inline Floats size_of(Floats x) {
  return reinterpret_cast<Floats>(reinterpret_cast<Words>(x) & 0x7fffffffu);
}

inline Ints whole(Floats x) { return __builtin_convertvector(rounded(x), Ints); }

// Sixteen whole numbers as codes. Never by way of memory: loading what two stores wrote takes longer than all the rest.
inline Codes codes_of(Ints first, Ints second) {
  typedef int16_t Codes8 __attribute__((vector_size(16)));
  const auto low = __builtin_convertvector(first, Codes8),
             high = __builtin_convertvector(second, Codes8);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// Codes as 256 * upper + lower, of which only the upper has a sign.
inline void store_bytes(Codes both, uint8_t* upper, uint8_t* lower) {
  store(upper, __builtin_convertvector(both >> 8, SignedBytes16));
  store(lower, __builtin_convertvector(both, SignedBytes16));
}

// The largest of 32 by size, and zero, or NaN where an input is NaN or infinite, which codes cannot say.
struct Extent {
  float size, poison;
};

inline Extent extent_of(const float* x) {
  Floats in[4];
  for (int i = 0; i < 4; ++i) in[i] = load<Floats>(x + 8 * i);
  return {largest(larger(larger(size_of(in[0]), size_of(in[1])),
                         larger(size_of(in[2]), size_of(in[3])))),
          total((in[0] + in[1] + in[2] + in[3]) * all(0))};
}

inline void encode_group(const float* x, float scale, float inverse, int g, const CodedStep& to) {
  int16_t* codes = to.codes + g * kGroup;
  for (int part = 0; part < 2; ++part) {
    const Ints first = whole(load<Floats>(x + 16 * part) * all(inverse));
    const Ints second = whole(load<Floats>(x + 16 * part + 8) * all(inverse));
    const Codes both = codes_of(first, second);
    store(codes + 16 * part, both);
    to.sums_16[2 * g + part] = scale * static_cast<float>(total(first + second));
    to.scales_16[2 * g + part] = scale;
    if constexpr (kByteProducts) {
      uint8_t* bytes = to.bytes + 2 * g * kGroup + 16 * part;
      store_bytes(both, bytes, bytes + kGroup);
    }
  }
  to.sums_32[g] = to.sums_16[2 * g] + to.sums_16[2 * g + 1];
  to.scales_32[g] = scale;
}

void encode(const float* x, int n_groups, bool one_scale, const CodedStep& to) {
  constexpr float kLargest = 32767;
  float size[8] = {}, poison[8] = {};
  for (int g = 0; g < n_groups; ++g) {
    const Extent extent = extent_of(x + g * kGroup);
    size[g] = extent.size;
    poison[g] = extent.poison;
  }
  Floats sizes = load<Floats>(size), poisons = load<Floats>(poison);
  if (one_scale) {
    sizes = all(largest(sizes));
    poisons = all(total(poisons));
  }
  const Floats scales = sizes / all(kLargest) + poisons;
  const Floats inverses = scales > all(0) ? all(1) / scales : all(0);
  for (int g = 0; g < n_groups; ++g) encode_group(x + g * kGroup, scales[g], inverses[g], g, to);
}

}  // namespace
}  // namespace kvhost
