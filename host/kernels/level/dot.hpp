// SPDX-License-Identifier: Apache-2.0
// How one vector of a key meets one vector of a query. Included by level files only.
#pragma once

#include "kernels/level_kernels.hpp"

namespace kvhost {
namespace {

inline int64_t pad(int64_t n) { return (n + kPad - 1) / kPad * kPad; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Products in float32, whatever the keys are stored in.
template <class S, class T>
struct WideDot {
  using Simd = S;
  using Elem = T;
  using Query = float;
  using Vec = typename S::Vec;
  static constexpr int kUnit = 1;  // elements in one 32-bit lane
  static constexpr int kStep = S::kWidth * kUnit;

  static Vec key(const T* from) { return S::widen(from); }
  static Vec key(const T* from, int64_t n) { return S::widen_some(from, n); }
  static Vec query(const Query* from) { return S::load(from); }
  static Vec broadcast(const Query* from) { return S::set(*from); }
  static Vec add_product(Vec acc, Vec k, Vec q) { return S::fma(k, q, acc); }

  // to: [pad(n)], zeros behind
  static void prepare(const T* from, int64_t n, Query* to) {
    const int64_t full = n / S::kWidth * S::kWidth;
    for (int64_t i = 0; i < pad(n); i += S::kWidth) {
      S::store(to + i,
               i < full ? S::widen(from + i)
               : i < n  ? S::widen_some(from + i, n - i)
                        : S::zero());
    }
  }
};

}  // namespace
}  // namespace kvhost
