// SPDX-License-Identifier: Apache-2.0
// acc[r] += sum_j p[r][j] * v_j, in float32. Included by level files only.
#pragma once

#include "kernels/level/dot.hpp"

namespace kvhost {
namespace {

template <class T>
struct WeighArgs {
  const T* values;  // [n, d]
  const float* p;   // [n_rows, stride]
  float* acc;       // [n_rows, pad(d)]
  int64_t n, d, n_rows, stride;
};

// R rows, V vectors of the value from element c on, entries [begin, end). A tail is the last,
// partial vector.
template <class S, class T, int R, int V, bool kTail>
void weigh_tile(const WeighArgs<T>& a, int64_t r0, int64_t c, int64_t begin, int64_t end) {
  typename S::Vec acc[R][V];
  float* out = a.acc + r0 * pad(a.d) + c;
  for (int r = 0; r < R; ++r) {
    for (int i = 0; i < V; ++i) {
      acc[r][i] = S::load(out + r * pad(a.d) + i * S::kWidth);
    }
  }
  for (int64_t j = begin; j < end; ++j) {
    const T* value = a.values + j * a.d + c;
    typename S::Vec v[V];
    for (int i = 0; i < V; ++i) {
      v[i] = kTail ? S::widen_some(value, a.d - c) : S::widen(value + i * S::kWidth);
    }
    for (int r = 0; r < R; ++r) {
      const typename S::Vec p = S::set(a.p[(r0 + r) * a.stride + j]);
      for (int i = 0; i < V; ++i) {
        acc[r][i] = S::fma(p, v[i], acc[r][i]);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int i = 0; i < V; ++i) {
      S::store(out + r * pad(a.d) + i * S::kWidth, acc[r][i]);
    }
  }
}

template <class S, class T, int R>
int64_t weigh_rows(const WeighArgs<T>& a, int64_t r, int64_t begin, int64_t end) {
  // A power of two, so that it divides the usual head dimensions: three rows of five vectors would
  // leave a dimension of 64 to single ones.
  constexpr int kFit = S::kTile / R;
  constexpr int kVectors = kFit >= 8 ? 8 : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
  const int64_t full = a.d / S::kWidth * S::kWidth;
  for (; r + R <= a.n_rows; r += R) {
    int64_t c = 0;
    for (; c + kVectors * S::kWidth <= full; c += kVectors * S::kWidth) {
      weigh_tile<S, T, R, kVectors, false>(a, r, c, begin, end);
    }
    for (; c < full; c += S::kWidth) {
      weigh_tile<S, T, R, 1, false>(a, r, c, begin, end);
    }
    if (c < a.d) {
      weigh_tile<S, T, R, 1, true>(a, r, c, begin, end);
    }
  }
  return r;
}

template <class S, class T>
void weigh(const WeighArgs<T>& a) {
  constexpr int64_t kBlock = 32;  // values that stay in the first cache for all rows
  for (int64_t j = 0; j < a.n; j += kBlock) {
    const int64_t end = least(j + kBlock, a.n);
    int64_t r = weigh_rows<S, T, 4>(a, 0, j, end);
    r = weigh_rows<S, T, 3>(a, r, j, end);
    r = weigh_rows<S, T, 2>(a, r, j, end);
    weigh_rows<S, T, 1>(a, r, j, end);
  }
}

}  // namespace
}  // namespace kvhost
