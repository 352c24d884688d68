// SPDX-License-Identifier: Apache-2.0
// Products of query rows with keys, unscaled: scores[r][j] = q_r . k_j. Included by level files
// only.
//
// Few rows: each key is read as it lies, S::kTile sums at a time. Many rows: two vectors' worth of
// keys are transposed once, then lanes are keys and no sum has to cross lanes.
#pragma once

#include "kernels/level/dot.hpp"

namespace kvhost {
namespace {

template <class D>
struct ScoreArgs {
  const typename D::Elem* keys;      // [n, d]
  const typename D::Query* queries;  // [n_rows, pad(d)]
  int64_t n, d, n_rows;
  float* out;  // [n_rows, stride]
  int64_t stride;
};

// R rows against S::kTile / R keys from j on. As many sums grow at once as it takes to hide how long
// one addition takes; the compiler has to be told to keep them all in registers.
//
// Five keys or more are read one after the other, as they lie in memory: side by side, the processor
// foresees no order in them, and waits for most (measured: 13 GB/s instead of 33 with two rows). Fewer
// keys meet more rows, whose arithmetic takes longer than memory does: side by side, what is loaded of
// a row serves all of them.
template <class D, int R>
void few_tile(const ScoreArgs<D>& a, int64_t r0, int64_t j) {
  using S = typename D::Simd;
  constexpr int kKeys = S::kTile / R;
  const typename D::Elem* key[kKeys];
  typename S::Vec acc[S::kTile];  // [R, kKeys], then what is left over
#pragma GCC unroll 16
  for (int i = 0; i < kKeys; ++i) {
    key[i] = a.keys + least(j + i, a.n - 1) * a.d;  // past the end: the last key again, not stored
  }
#pragma GCC unroll 16
  for (int i = 0; i < S::kTile; ++i) {
    acc[i] = S::zero();
  }
  const typename D::Query* query = a.queries + r0 * pad(a.d);
  const int64_t full = a.d / D::kStep * D::kStep, stride = pad(a.d);
  const auto add = [&](int i, int64_t c) __attribute__((always_inline)) {
    const typename S::Vec k = D::key(key[i] + c);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      acc[r * kKeys + i] = D::add_product(acc[r * kKeys + i], k, D::query(query + r * stride + c));
    }
  };
  if constexpr (kKeys > 4) {
#pragma GCC unroll 16
    for (int i = 0; i < kKeys; ++i) {
      for (int64_t c = 0; c < full; c += D::kStep) add(i, c);
    }
  } else {
    for (int64_t c = 0; c < full; c += D::kStep) {
#pragma GCC unroll 16
      for (int i = 0; i < kKeys; ++i) add(i, c);
    }
  }
  if (full < a.d) {
#pragma GCC unroll 16
    for (int i = 0; i < kKeys; ++i) {
      const typename S::Vec k = D::key(key[i] + full, a.d - full);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        acc[r * kKeys + i] =
            D::add_product(acc[r * kKeys + i], k, D::query(query + r * stride + full));
      }
    }
  }
  float sums[S::kTile];
  S::sum_tile(acc, sums);
  const int64_t stored = least(kKeys, a.n - j);
  for (int r = 0; r < R; ++r) {
    for (int64_t i = 0; i < stored; ++i) {
      a.out[(r0 + r) * a.stride + j + i] = sums[r * kKeys + i];
    }
  }
}

template <class D, int R>
int64_t few_rows(const ScoreArgs<D>& a, int64_t r, int64_t begin, int64_t end) {
  for (; r + R <= a.n_rows; r += R) {
    for (int64_t j = begin; j < end; j += D::Simd::kTile / R) {
      few_tile<D, R>(a, r, j);
    }
  }
  return r;
}

template <class D>
void score_few(const ScoreArgs<D>& a) {
  constexpr int64_t kBlock = 32;  // keys that stay in the first cache for all rows
  for (int64_t j = 0; j < a.n; j += kBlock) {
    const int64_t end = least(j + kBlock, a.n);
    int64_t r = few_rows<D, 4>(a, 0, j, end);
    r = few_rows<D, 3>(a, r, j, end);
    r = few_rows<D, 2>(a, r, j, end);
    few_rows<D, 1>(a, r, j, end);
  }
}

// keys from j on -> packed [d / kUnit, 2 * kWidth]: lane i of row u holds elements u of key i.
template <class D>
void pack_keys(const ScoreArgs<D>& a, int64_t j, float* packed) {
  using S = typename D::Simd;
  const int64_t units = a.d / D::kUnit, full = a.d / D::kStep * D::kStep;
  for (int half = 0; half < 2; ++half) {
    for (int64_t u = 0; u < units; u += S::kWidth) {
      const int64_t c = u * D::kUnit;
      typename S::Vec v[S::kWidth];
      for (int i = 0; i < S::kWidth; ++i) {
        const typename D::Elem* key = a.keys + least(j + half * S::kWidth + i, a.n - 1) * a.d + c;
        v[i] = c < full ? D::key(key) : D::key(key, a.d - c);
      }
      S::transpose(v);
      for (int i = 0; i < S::kWidth && u + i < units; ++i) {
        S::store(packed + ((u + i) * 2 + half) * S::kWidth, v[i]);
      }
    }
  }
}

// R rows against packed keys.
template <class D, int R>
void many_tile(const ScoreArgs<D>& a, const float* packed, int64_t r0, int64_t j) {
  using S = typename D::Simd;
  typename S::Vec acc[R][2];
  for (int r = 0; r < R; ++r) {
    acc[r][0] = acc[r][1] = S::zero();
  }
  const typename D::Query* query = a.queries + r0 * pad(a.d);
  for (int64_t u = 0; u < a.d / D::kUnit; ++u) {
    const typename S::Vec k0 = S::load(packed + u * 2 * S::kWidth);
    const typename S::Vec k1 = S::load(packed + (u * 2 + 1) * S::kWidth);
    for (int r = 0; r < R; ++r) {
      const typename S::Vec q = D::broadcast(query + r * pad(a.d) + u * D::kUnit);
      acc[r][0] = D::add_product(acc[r][0], k0, q);
      acc[r][1] = D::add_product(acc[r][1], k1, q);
    }
  }
  const int64_t stored = least(2 * S::kWidth, a.n - j);
  for (int r = 0; r < R; ++r) {
    float* out = a.out + (r0 + r) * a.stride + j;
    if (stored == 2 * S::kWidth) {
      S::store(out, acc[r][0]);
      S::store(out + S::kWidth, acc[r][1]);
    } else {
      float sums[2 * S::kWidth];
      S::store(sums, acc[r][0]);
      S::store(sums + S::kWidth, acc[r][1]);
      for (int64_t i = 0; i < stored; ++i) {
        out[i] = sums[i];
      }
    }
  }
}

// packed: [pad(d), 2 * kWidth]
template <class D>
void score_many(const ScoreArgs<D>& a, float* packed) {
  constexpr int kRows = D::Simd::kManyRows;
  for (int64_t j = 0; j < a.n; j += 2 * D::Simd::kWidth) {
    pack_keys(a, j, packed);
    int64_t r = 0;
    for (; r + kRows <= a.n_rows; r += kRows) {
      many_tile<D, kRows>(a, packed, r, j);
    }
    for (; r + 2 <= a.n_rows; r += 2) {
      many_tile<D, 2>(a, packed, r, j);
    }
    for (; r < a.n_rows; ++r) {
      many_tile<D, 1>(a, packed, r, j);
    }
  }
}

}  // namespace
}  // namespace kvhost
