// SPDX-License-Identifier: Apache-2.0
// Unpacking and row products of every block type. Included by level files only.
#pragma once

#include "kernels/quant/blocks.hpp"
#include "kernels/quant/encode.hpp"
#include "kernels/quant/quant_level.hpp"
#include "kernels/quant/steps.hpp"
#include "kernels/quant/whole_scales.hpp"

namespace kvhost {
namespace {

// Input rows that share one pass over a weight row, where there are registers for their sums.
#if defined(__AVX2__)
constexpr int64_t kTokens = 4;
#else
constexpr int64_t kTokens = 1;
#endif
// Weight rows that are read side by side: what is read of the input then serves all of them. With 32 registers as many as
// take fewer than ten cache lines at a step (measured: beyond, reading from memory gets slower), with 16 as many as keep
// their sums in them.
template <class Type, int M>
constexpr int weight_rows() {
#if defined(__AVX512VL__)
  constexpr int kFit = (10 * 64 - 1) / Type::kStepBytes;
  return kFit < 4 ? kFit : 4;
#else
  return M <= 2 ? 2 : 1;
#endif
}

// Group G of a step as whole numbers of 16 bits.
template <class Type, int G>
inline Group codes_of(const uint8_t* block) {
  if constexpr (requires { Type::template codes<G>(block); })
    return Type::template codes<G>(block);
  else
    return widen(reinterpret_cast<SignedBytes>(Type::template bytes<G>(block) - Type::kZero));
}

// Whether products are of bytes: not where weights are signed as they are stored.
template <class Type>
constexpr bool kOfBytes =
    kByteProducts && requires(const uint8_t* block) { Type::template bytes<0>(block); };

// Whether something is added for every group, whatever its codes are.
template <class Type>
constexpr bool kAdds = Type::kLeast || (kOfBytes<Type> && Type::kZero != 0);

// The scales of a step where single ones are read.
template <class Type>
struct Single {
  explicit Single(const typename Type::Scale& from) {
    for (int h = 0; h < Type::kHalves; ++h) {
      store(scale + 8 * h, from.scale[h]);
      store(least + 8 * h, from.least[h]);
    }
    in_memory(scale);
    in_memory(least);
  }
  float scale[8 * Type::kHalves], least[8 * Type::kHalves];
};

template <bool kLeast>
inline void unpack_half(Codes codes, float scale, float least, float* out) {
  auto [low, high] = floats(codes);
  low *= all(scale);
  high *= all(scale);
  if constexpr (kLeast) {
    low += all(least);
    high += all(least);
  }
  store(out, low);
  store(out + 8, high);
}

template <class Type>
void unpack(const uint8_t* block, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kStep, block += Type::kStepBytes) {
    const int64_t left = n - i < kStep ? (n - i) / kGroup : 8;  // groups
    const Single<Type> single(Type::scales(block, static_cast<int>(left)));
    each_group([&]<int G>() __attribute__((always_inline)) {
      if (G >= left) return;
      constexpr int kFirst = G * Type::kHalves, kSecond = kFirst + Type::kHalves - 1;
      const Group group = codes_of<Type, G>(block);
      float* to = out + i + G * kGroup;
      unpack_half<Type::kLeast>(group.low, single.scale[kFirst], single.least[kFirst], to);
      unpack_half<Type::kLeast>(group.high, single.scale[kSecond], single.least[kSecond], to + 16);
    });
  }
}

// Sums of M input rows with R weight rows.
template <int R, int M>
struct Sums {
  // One by one: compilers clear whole arrays by an instruction that takes as long as half a row.
  Sums() {
    for (int r = 0; r < R; ++r)
      for (int m = 0; m < M; ++m) products[r][m] = least[r][m] = Floats{};
  }
  Floats products[R][M], least[R][M];
};

// What one input row brings to a step.
template <class Type>
struct StepInput {
  const int16_t* codes;
  const uint8_t* bytes;
  const float *scales, *sums;
};

template <class Type>
inline StepInput<Type> step_input(const CodedInput& x, int64_t token, int64_t group) {
  const int64_t first = (token * x.n_steps * 8 + group) * Type::kHalves;
  const int64_t at = token * x.n_in + group * kGroup;
  return {x.codes + at,
          x.bytes + 2 * at,
          (Type::kHalves == 1 ? x.scales_32 : x.scales_16) + first,
          (Type::kHalves == 1 ? x.sums_32 : x.sums_16) + first};
}

// What is added to a row's products for each of eight groups: its least weight, and what bytes are too large by.
template <class Type>
inline Floats least_of(const typename Type::Scale& of_row, int half) {
  Floats least = Type::kLeast ? of_row.least[half] : Floats{};
  if constexpr (kOfBytes<Type> && Type::kZero != 0)
    least -= all(static_cast<float>(Type::kZero)) * of_row.scale[half];
  return least;
}

// Group G of a weight row times that of an input row, whose codes have 16 bits.
template <class Type, int G>
inline __attribute__((always_inline)) Floats
add_group(Group weights, const StepInput<Type>& x, const float* scales, Floats sum) {
  const auto low = load<Codes>(x.codes + G * kGroup);
  const auto high = load<Codes>(x.codes + G * kGroup + 16);
  const Ints first = pair_products(weights.low, low);
  if constexpr (Type::kHalves == 1) {
    const Ints both = add_pair_products(first, weights.high, high);
    return fused(floats(both), all(scales[G]), sum);
  } else {
    const Ints second = pair_products(weights.high, high);
    sum = fused(floats(first), all(scales[2 * G]), sum);
    return fused(floats(second), all(scales[2 * G + 1]), sum);
  }
}

#if defined(__AVX512VNNI__)
// The same of bytes: those of 256 first, the rest, which has no sign where weights have none, behind them.
template <class Type, int G>
inline __attribute__((always_inline)) Floats
add_group(Bytes weights, const StepInput<Type>& x, const float* scales, Floats sum) {
  const auto upper = load<SignedBytes>(x.bytes + G * 2 * kGroup);
  const auto lower = load<Bytes>(x.bytes + G * 2 * kGroup + kGroup);
  const Ints whole = add_quad_products(add_quad_products(Ints{}, weights, upper) << 8,
                                       lower,
                                       reinterpret_cast<SignedBytes>(weights));
  if constexpr (Type::kHalves == 1)
    return fused(floats(whole), all(scales[G]), sum);
  else
    return fused(floats(whole), each_four_times(scales + 2 * G), sum);
}
#endif

// The next kCount groups: eight, or fewer at the end of a row.
template <class Type, int R, int M, int kCount>
inline __attribute__((always_inline)) void add_step(const uint8_t* block,
                                                    int64_t row_bytes,
                                                    const StepInput<Type> (&x)[M],
                                                    Sums<R, M>& sums) {
  constexpr int kHalves = Type::kHalves;
  alignas(32) float scales[R][M][8 * kHalves];
  for (int r = 0; r < R; ++r) {
    const auto of_row = Type::scales(block + r * row_bytes, kCount);
    for (int m = 0; m < M; ++m) {
      for (int h = 0; h < kHalves; ++h) {
        store(scales[r][m] + 8 * h, of_row.scale[h] * load<Floats>(x[m].scales + 8 * h));
        if constexpr (kAdds<Type>)
          sums.least[r][m] =
              fused(least_of<Type>(of_row, h), load<Floats>(x[m].sums + 8 * h), sums.least[r][m]);
      }
    }
  }
  in_memory(scales);
  each_group([&]<int G>() __attribute__((always_inline)) {
    if constexpr (G >= kCount) return;
    for (int r = 0; r < R; ++r) {
      const auto weights = [&] {
        if constexpr (kOfBytes<Type>)
          return Type::template bytes<G>(block + r * row_bytes);
        else
          return codes_of<Type, G>(block + r * row_bytes);
      }();
      for (int m = 0; m < M; ++m)
        sums.products[r][m] = add_group<Type, G>(weights, x[m], scales[r][m], sums.products[r][m]);
    }
  });
}

template <class Type>
inline int64_t bytes_of_row(int64_t n_in) {
  return n_in / kGroup / Type::kGroups * Type::kBytes;
}

// What is fetched ahead lies this far beyond the rows being read, about what hides the memory's
// latency; the processor's own prefetching ends at pages.
constexpr int64_t kAheadBytes = 2048;

// The next kBytes of it.
template <int64_t kBytes>
inline __attribute__((always_inline)) void fetch(const uint8_t*& ahead) {
  for (int64_t at = 0; at < kBytes; at += 64) __builtin_prefetch(ahead + at);
  ahead += kBytes;
}

// R weight rows from r on with M input rows from `token` on.
template <class Type, int R, int M>
void rows_of(const QuantRange& range, int64_t r, int64_t token) {
  const int64_t row_bytes = bytes_of_row<Type>(range.x.n_in);
  const uint8_t* block = range.weight + r * row_bytes;
  const int64_t n_groups = range.x.n_in / kGroup;
  Sums<R, M> sums;
  const uint8_t* ahead = block + R * row_bytes + kAheadBytes;
  int64_t group = 0;
  const auto add = [&]<int kCount>() __attribute__((always_inline)) {
    // Rows read side by side are fetched as they lie, one after another.
    fetch<R * Type::kStepBytes * kCount / 8>(ahead);
    StepInput<Type> x[M];
    for (int m = 0; m < M; ++m) x[m] = step_input<Type>(range.x, token + m, group);
    add_step<Type, R, M, kCount>(block, row_bytes, x, sums);
    group += kCount;
    block += Type::kStepBytes * kCount / 8;
  };
  while (group + 8 <= n_groups) add.template operator()<8>();
  if constexpr (Type::kGroups == 1) {
    while (group + 2 <= n_groups) add.template operator()<2>();
    if (group < n_groups) add.template operator()<1>();
  }
  for (int i = 0; i < R; ++i)
    for (int m = 0; m < M; ++m)
      range.out[(token + m) * range.out_stride + r + i] =
          total(sums.products[i][m] + sums.least[i][m]);
}

#if defined(__AVX512VNNI__)
// n weight rows from r on, of four: what lies beyond is the last one again, not stored, so that a row's result does not
// depend on which rows are read beside it.
template <class Type, int M>
void four_rows_of(const QuantRange& range, int64_t r, int64_t n, int64_t token) {
  const int64_t row_bytes = bytes_of_row<Type>(range.x.n_in);
  const uint8_t* block[kFour];
  for (int i = 0; i < kFour; ++i) block[i] = range.weight + (r + (i < n ? i : n - 1)) * row_bytes;
  const uint8_t* ahead = range.weight + (r + n) * row_bytes + kAheadBytes;
  FourSums<M> sums;
  for (int64_t step = 0; step < range.x.n_in / kStep; ++step) {
    fetch<kFour * Type::kStepBytes>(ahead);
    add_whole_step<Type, M>(block, range.x, token, step, sums);
    for (auto& row : block) row += Type::kStepBytes;
  }
  for (int m = 0; m < M; ++m) {
    float totals[kFour];
    _mm_storeu_ps(totals, four_totals(sums.products[m], sums.least[m]));
    for (int64_t i = 0; i < n; ++i) range.out[(token + m) * range.out_stride + r + i] = totals[i];
  }
}
#endif

template <class Type, int M>
void products_of(const QuantRange& range, int64_t begin, int64_t end, int64_t token) {
#if defined(__AVX512VNNI__)
  if constexpr (kWholeScales<Type>) {
    for (int64_t r = begin; r < end; r += kFour)
      four_rows_of<Type, M>(range, r, end - r < kFour ? end - r : kFour, token);
    return;
  }
#endif
  constexpr int kRows = weight_rows<Type, M>();
  int64_t r = begin;
  for (; r + kRows <= end; r += kRows) rows_of<Type, kRows, M>(range, r, token);
  for (; r < end; ++r) rows_of<Type, 1, M>(range, r, token);
}

// A block of weight rows stays in the core's cache while groups of input rows pass over it.
template <class Type>
void products(const QuantRange& range) {
  constexpr int64_t kBlockBytes = 1 << 16;
  const int64_t row_bytes = bytes_of_row<Type>(range.x.n_in);
  const int64_t fit = kBlockBytes / row_bytes, block = fit < 4 ? 4 : fit / 4 * 4;
  for (int64_t begin = range.begin; begin < range.end; begin += block) {
    const int64_t end = begin + block < range.end ? begin + block : range.end;
    int64_t token = 0;
    for (; token + kTokens <= range.x.n_rows; token += kTokens)
      products_of<Type, kTokens>(range, begin, end, token);
    if constexpr (kTokens > 2) {
      for (; token + 2 <= range.x.n_rows; token += 2)
        products_of<Type, 2>(range, begin, end, token);
    }
    if (token < range.x.n_rows) products_of<Type, 1>(range, begin, end, token);
  }
}

template <class Type>
constexpr QuantKernels kernels_of() {
  return {unpack<Type>, products<Type>};
}

// Ordered as WeightType.
constexpr QuantLevel level_of_this_file() {
  return {{{},
           {},
           {},
           kernels_of<Q8_0>(),
           kernels_of<Q4_0>(),
           kernels_of<Q4_1>(),
           kernels_of<Q5_0>(),
           kernels_of<Q5_1>(),
           kernels_of<Q2_K>(),
           kernels_of<Q3_K>(),
           kernels_of<Q4_K>(),
           kernels_of<Q5_K>(),
           kernels_of<Q6_K>(),
           kernels_of<Mxfp4>()},
          encode};
}

}  // namespace
}  // namespace kvhost
