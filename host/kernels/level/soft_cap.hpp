// SPDX-License-Identifier: Apache-2.0
// Scores held inside (-cap, cap), as Gemma 2 does before the softmax. Included by level files only.
#pragma once

#include "kernels/level/dot.hpp"

namespace kvhost {
namespace {

// Relative error below 3e-7: a polynomial (Cephes) where exp(-2 |x|) would cancel, exp elsewhere.
template <class S>
typename S::Vec tanh_of(typename S::Vec x) {
  using Vec = typename S::Vec;
  const Vec size = S::max(x, S::mul(x, S::set(-1.0f)));
  const Vec e = S::exp(S::mul(size, S::set(-2.0f)));
  const Vec large = S::div(S::fma(e, S::set(-1.0f), S::set(1.0f)), S::add(e, S::set(1.0f)));
  const Vec z = S::mul(x, x);
  Vec p = S::fma(S::set(-5.70498872745e-3f), z, S::set(2.06390887954e-2f));
  p = S::fma(p, z, S::set(-5.37397155531e-2f));
  p = S::fma(p, z, S::set(1.33314422036e-1f));
  p = S::fma(p, z, S::set(-3.33332819422e-1f));
  const Vec small = S::fma(S::mul(p, z), x, x);
  const Vec far = S::select_less(x, S::zero(), S::mul(large, S::set(-1.0f)), large);
  return S::select_less(S::set(0.625f), size, far, small);
}

// row[i] -> cap * tanh(scale * row[i] / cap) for i in [0, n).
template <class S>
void cap_scores(float* row, int64_t n, float scale, float cap) {
  const typename S::Vec inner = S::set(scale / cap), outer = S::set(cap);
  int64_t i = 0;
  for (; i + S::kWidth <= n; i += S::kWidth) {
    S::store(row + i, S::mul(outer, tanh_of<S>(S::mul(S::load(row + i), inner))));
  }
  float lanes[S::kWidth] = {};
  for (int64_t j = i; j < n; ++j) {
    lanes[j - i] = row[j];
  }
  S::store(lanes, S::mul(outer, tanh_of<S>(S::mul(S::load(lanes), inner))));
  for (int64_t j = i; j < n; ++j) {
    row[j] = lanes[j - i];
  }
}

}  // namespace
}  // namespace kvhost
