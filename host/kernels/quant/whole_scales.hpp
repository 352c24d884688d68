// SPDX-License-Identifier: Apache-2.0
// Row products of the types whose scales are whole numbers of 6 bits (Q4_K, Q5_K), where four bytes are multiplied at
// once. A step of 256 inputs has one scale, so that its sum stays whole to the end:
//   d x_scale sum_g scale_g sum_i w_i (256 upper_i + lower_i)  -  dmin sum_g least_g sum_x_g.
// Of w upper and w lower four products fit into 16 bits each; side by side in a lane, one instruction multiplies them by
// 256 scale_g and scale_g and adds them up. Of 32 weights of 5 bits that is 2^31 at most: 8 * 63 * 4 * 31 * 32767.
// Included by level files only.
#pragma once

#include "kernels/quant/blocks.hpp"
#include "kernels/quant/quant_level.hpp"
#include "kernels/quant/steps.hpp"

namespace kvhost {
namespace {

template <class Type>
constexpr bool kWholeScales = kByteProducts && requires { Type::kSixBits; };

#if defined(__AVX512VNNI__)

constexpr int kFour = 4;  // weight rows side by side

// The same 16 bytes in both halves.
inline __m256i twice(Bytes16 v) {
  return _mm256_broadcastsi128_si256(reinterpret_cast<__m128i>(v));
}

inline __m256i twice(const void* from) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(from)));
}

// The headers of a block of two rows, each in half a vector.
inline __m256i two_headers(const uint8_t* first, const uint8_t* second) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(low), _mm_loadu_si128(reinterpret_cast<const __m128i*>(second)), 1);
}

// Of both: eight scales, then eight least weights.
inline __m256i six_bits_as_bytes(__m256i headers) {
  const __m256i lower = _mm256_srlv_epi32(_mm256_shuffle_epi8(headers, twice(kSixBitLower)),
                                          twice(reinterpret_cast<Bytes16>(kSixBitShift)));
  const __m256i upper = _mm256_srli_epi32(_mm256_shuffle_epi8(headers, twice(kSixBitUpper)), 2);
  const __m256i low_bits =
      _mm256_and_si256(lower, twice(reinterpret_cast<Bytes16>(kSixBitLowerBits)));
  const __m256i high_bits =
      _mm256_and_si256(upper, twice(reinterpret_cast<Bytes16>(kSixBitUpperBits)));
  return _mm256_or_si256(low_bits, high_bits);
}

// What the headers of four rows say, ready to be read one by one.
struct FourScales {
  // Of rows 0 and 1, and of 2 and 3: groups 0 to 3 of both, then 4 to 7, each 256 scale beside scale.
  alignas(64) int32_t pairs[2][2][8];
  int32_t of(int row, int group) const {
    return pairs[row / 2][group / 4][row % 2 * 4 + group % 4];
  }
};

template <int M>
struct FourSums {
  FourSums() {
    for (int m = 0; m < M; ++m) {
      for (auto& row : products[m]) row = _mm256_setzero_ps();
      for (auto& two : least[m]) two = _mm256_setzero_ps();
    }
  }
  __m256 products[M][kFour];
  __m256 least[M][2];  // of rows 0 and 1, each four lanes, and of 2 and 3
};

// d and dmin of rows 0, 2, 1, 3, in this order.
inline __m256 four_halves(__m256i first_two, __m256i last_two) {
  const __m256i leading = _mm256_unpacklo_epi32(first_two, last_two);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(leading, 0x08)));
}

// Where row r's d lies in them.
constexpr int kHalfOf[kFour] = {0, 4, 2, 6};

// Spreads scales for FourScales, and adds what the least weights come to.
template <int M>
inline __attribute__((always_inline)) void read_headers(const float* const (&sums_x)[M],
                                                        __m256 halves,
                                                        const __m256i (&headers)[2],
                                                        FourScales& scales,
                                                        FourSums<M>& sums) {
  constexpr uint8_t kNo = 0x80;
  constexpr Bytes16 kScales[2] = {{0, kNo, kNo, 0, 1, kNo, kNo, 1, 2, kNo, kNo, 2, 3, kNo, kNo, 3},
                                  {4, kNo, kNo, 4, 5, kNo, kNo, 5, 6, kNo, kNo, 6, 7, kNo, kNo, 7}};
  constexpr Bytes16 kLeast[2] = {
      {8, kNo, kNo, kNo, 9, kNo, kNo, kNo, 10, kNo, kNo, kNo, 11, kNo, kNo, kNo},
      {12, kNo, kNo, kNo, 13, kNo, kNo, kNo, 14, kNo, kNo, kNo, 15, kNo, kNo, kNo}};
  const __m256i minima_of[2] = {_mm256_setr_epi32(1, 1, 1, 1, 5, 5, 5, 5),
                                _mm256_setr_epi32(3, 3, 3, 3, 7, 7, 7, 7)};
#pragma GCC unroll 2
  for (int two = 0; two < 2; ++two) {
    const __m256i bytes = six_bits_as_bytes(headers[two]);
    __m256 least[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(scales.pairs[two][half]),
                         _mm256_shuffle_epi8(bytes, twice(kScales[half])));
      least[half] = _mm256_cvtepi32_ps(_mm256_shuffle_epi8(bytes, twice(kLeast[half])));
    }
    const __m256 minima = _mm256_permutevar8x32_ps(halves, minima_of[two]);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) {
      const auto of = [&](int half) { return _mm256_castsi256_ps(twice(sums_x[m] + 4 * half)); };
      const __m256 all_eight = _mm256_fmadd_ps(least[1], of(1), _mm256_mul_ps(least[0], of(0)));
      sums.least[m][two] = _mm256_fmadd_ps(all_eight, minima, sums.least[m][two]);
    }
  }
}

// Four products of weights with uppers and, beside them in a lane, with lowers.
inline __m256i side_by_side(Bytes weights, const uint8_t* x) {
  const auto of_upper = add_quad_products(Ints{}, weights, load<SignedBytes>(x));
  return reinterpret_cast<__m256i>(add_quad_products(
      of_upper << 16, load<Bytes>(x + kGroup), reinterpret_cast<SignedBytes>(weights)));
}

// The next 256 weights of four rows with M input rows.
template <class Type, int M>
inline __attribute__((always_inline)) void add_whole_step(const uint8_t* const (&block)[kFour],
                                                          const CodedInput& x,
                                                          int64_t token,
                                                          int64_t step,
                                                          FourSums<M>& sums) {
  const float* sums_x[M];
  const uint8_t* bytes_x[M];
  alignas(32) float factors[M][8];  // d x_scale
  FourScales scales;
  const __m256i headers[2] = {two_headers(block[0], block[1]), two_headers(block[2], block[3])};
  const __m256 halves = four_halves(headers[0], headers[1]);
#pragma GCC unroll 4
  for (int m = 0; m < M; ++m) {
    const int64_t group = ((token + m) * x.n_steps + step) * 8;
    sums_x[m] = x.sums_32 + group;
    bytes_x[m] = x.bytes + 2 * ((token + m) * x.n_in + step * kStep);
    _mm256_store_ps(factors[m], _mm256_mul_ps(halves, _mm256_set1_ps(x.scales_32[group])));
  }
  read_headers(sums_x, halves, headers, scales, sums);
  in_memory(scales);
  in_memory(factors);
  __m256i whole[M][kFour];
  each_group([&]<int G>() __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int r = 0; r < kFour; ++r) {
      const Bytes weights = Type::template bytes<G>(block[r]);
      const __m256i scale = _mm256_set1_epi32(scales.of(r, G));
#pragma GCC unroll 4
      for (int m = 0; m < M; ++m) {
        const __m256i products = side_by_side(weights, bytes_x[m] + G * 2 * kGroup);
        whole[m][r] =
            _mm256_dpwssd_epi32(G == 0 ? _mm256_setzero_si256() : whole[m][r], products, scale);
      }
    }
  });
#pragma GCC unroll 4
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int r = 0; r < kFour; ++r) {
      const __m256 factor = _mm256_set1_ps(factors[m][kHalfOf[r]]);
      sums.products[m][r] =
          _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole[m][r]), factor, sums.products[m][r]);
    }
  }
}

// What the four rows come to.
inline __m128 four_totals(const __m256 (&products)[kFour], const __m256 (&least)[2]) {
  const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(products[0], products[1]),
                                      _mm256_hadd_ps(products[2], products[3]));
  const __m128 of_products =
      _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
  const __m256 both = _mm256_hadd_ps(least[0], least[1]);  // rows 0, 0, 2, 2 and 1, 1, 3, 3
  const __m256 once = _mm256_hadd_ps(both, both);
  return _mm_sub_ps(of_products,
                    _mm_unpacklo_ps(_mm256_castps256_ps128(once), _mm256_extractf128_ps(once, 1)));
}

#endif

}  // namespace
}  // namespace kvhost
