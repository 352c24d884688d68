// SPDX-License-Identifier: Apache-2.0
// The half-precision numbers that blocks of 32 begin with: a scale, or a scale and a least weight. Included by level
// files only.
#pragma once

#include "kernels/quant/vectors.hpp"

namespace kvhost {
namespace {

#if defined(__AVX512BW__)

// Halves that lie kBytes apart, picked from two whole vectors: reading them one by one takes three times the steps. Blocks
// of which more vectors would be needed gain nothing by it (measured: Q5_0, Q5_1, Q8_0).
template <int kBytes, int kOfEach>
struct Picked {
  static constexpr int kLanes = 32, kWords = kBytes / 2;
  static constexpr bool kFits = kBytes % 2 == 0 && 3 * kWords + kOfEach <= kLanes;

  // Eight blocks' first halves, then their second ones. Both vectors lie within the blocks.
  static __m256i of(const uint8_t* block) {
    static_assert(kFits && 4 * kBytes + 64 <= 8 * kBytes);
    struct Where {
      alignas(64) int16_t lane[kLanes];
    };
    static constexpr Where kWhere = [] {
      Where out{};
      for (int j = 0; j < 8 * kOfEach; ++j)  // half j / 8 of block j % 8
        out.lane[j] = static_cast<int16_t>(j % 8 / 4 * kLanes + j % 4 * kWords + j / 8);
      return out;
    }();
    return _mm512_castsi512_si256(
        _mm512_permutex2var_epi16(_mm512_loadu_si512(block),
                                  _mm512_load_si512(kWhere.lane),
                                  _mm512_loadu_si512(block + 4 * kBytes)));
  }
};

#endif

// The first halves of n of eight blocks, zeros behind.
template <int kBytes>
inline Halves leading_halves(const uint8_t* block, int n) {
#if defined(__AVX512BW__)
  if constexpr (Picked<kBytes, 1>::kFits) {
    if (n == 8)
      return reinterpret_cast<Halves>(_mm256_castsi256_si128(Picked<kBytes, 1>::of(block)));
  }
#endif
  const auto at = [&](int i) { return i < n ? load<uint16_t>(block + i * kBytes) : uint16_t{0}; };
  return Halves{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
}

struct TwoHalves {
  Halves first, second;
};

// The same of the first two.
template <int kBytes>
inline TwoHalves leading_pairs(const uint8_t* block, int n) {
#if defined(__AVX512BW__)
  if constexpr (Picked<kBytes, 2>::kFits) {
    if (n == 8) {
      const __m256i both = Picked<kBytes, 2>::of(block);
      return {reinterpret_cast<Halves>(_mm256_castsi256_si128(both)),
              reinterpret_cast<Halves>(_mm256_extracti128_si256(both, 1))};
    }
  }
#endif
  const auto at = [&](int i) { return i < n ? load<uint32_t>(block + i * kBytes) : 0; };
  const Words both = {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
  return {__builtin_convertvector(both & 0xffff, Halves),
          __builtin_convertvector(both >> 16, Halves)};
}

}  // namespace
}  // namespace kvhost
