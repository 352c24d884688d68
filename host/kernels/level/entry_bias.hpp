// SPDX-License-Identifier: Apache-2.0
// Scores that some entries add to, before the softmax. Included by level files only.
#pragma once

#include "kernels/level/dot.hpp"

namespace kvhost {
namespace {

// row[i] -> scale * row[i] for i in [0, n).
template <class S>
void scale_scores(float* row, int64_t n, float scale) {
  int64_t i = 0;
  for (; i + S::kWidth <= n; i += S::kWidth) {
    S::store(row + i, S::mul(S::load(row + i), S::set(scale)));
  }
  for (; i < n; ++i) {
    row[i] *= scale;
  }
}

// row[i] += bias[i] for i in [0, n).
template <class S>
void add_bias(float* row, const float* bias, int64_t n) {
  int64_t i = 0;
  for (; i + S::kWidth <= n; i += S::kWidth) {
    S::store(row + i, S::add(S::load(row + i), S::load(bias + i)));
  }
  for (; i < n; ++i) {
    row[i] += bias[i];
  }
}

}  // namespace
}  // namespace kvhost
