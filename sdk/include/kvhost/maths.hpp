// SPDX-License-Identifier: Apache-2.0
// Small numerics that several methods share, each with one fixed meaning.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "error.hpp"

namespace kvhost::sdk {

// Sum of squares of `n` floats, accumulated in double on four lanes (the lanes let a compiler
// vectorise).
inline double squared_norm(const float* x, int64_t n) {
  double lane[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int64_t j = 0; j < 4; ++j) lane[j] += static_cast<double>(x[i + j]) * x[i + j];
  }
  for (; i < n; ++i) lane[0] += static_cast<double>(x[i]) * x[i];
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

// Inner product with `n` floats, accumulated likewise. T is float or double.
template <typename T>
double inner_product(const T* a, const float* b, int64_t n) {
  double lane[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int64_t j = 0; j < 4; ++j) lane[j] += static_cast<double>(a[i + j]) * b[i + j];
  }
  for (; i < n; ++i) lane[0] += static_cast<double>(a[i]) * b[i];
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

// Average over an odd kernel, stride 1, zeros beyond both ends, always divided by `kernel` (so the
// ends are pulled down, as torch's avg_pool1d with count_include_pad does). `in` and `out` may not
// overlap.
inline void average_pool(const float* in, int64_t n, int64_t kernel, float* out) {
  const int64_t half = kernel / 2;
  for (int64_t i = 0; i < n; ++i) {
    float sum = 0;
    for (int64_t j = std::max<int64_t>(0, i - half); j < std::min(n, i + half + 1); ++j) {
      sum += in[j];
    }
    out[i] = sum / static_cast<float>(kernel);
  }
}

// Maximum over an odd kernel, stride 1, clipped at both ends.
inline void max_pool(const float* in, int64_t n, int64_t kernel, float* out) {
  const int64_t half = kernel / 2;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t begin = std::max<int64_t>(0, i - half);
    out[i] = *std::max_element(in + begin, in + std::min(n, i + half + 1));
  }
}

// SplitMix64's finaliser: a bijection whose outputs pass statistical tests even for consecutive
// inputs.
inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Counter-based draws: a pure function of its counters, so the order of evaluation and the threads
// do not matter.
inline uint64_t random_bits(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
  return mix64(mix64(mix64(mix64(seed) ^ a) ^ b) ^ c);
}

// Uniform in [0, 1) on a grid of 2^-24.
inline float uniform_float(uint64_t bits) { return static_cast<float>(bits >> 40) * 0x1p-24f; }

// Bounds of one share when a total is divided.
struct Bounds {
  std::vector<int64_t> min, max;
};

// Divides `total` in proportion to `shares` between the bounds: b_i = clamp(scale * share_i, min_i,
// max_i) with the one scale that makes the sum right. When all open shares are zero they are
// treated as equal. [throws] KVH_E_CONFIG when the total lies outside the sum of the bounds.
inline std::vector<double> water_fill(const std::vector<double>& shares,
                                      double total,
                                      const Bounds& bounds) {
  const size_t n = shares.size();
  const auto sum_min = std::accumulate(bounds.min.begin(), bounds.min.end(), int64_t{0});
  const auto sum_max = std::accumulate(bounds.max.begin(), bounds.max.end(), int64_t{0});
  if (total < static_cast<double>(sum_min) || total > static_cast<double>(sum_max)) {
    throw Error(KVH_E_CONFIG,
                "",
                "a total of " + std::to_string(total) + "; expected between " +
                    std::to_string(sum_min) + " and " + std::to_string(sum_max));
  }
  std::vector<double> out(n);
  std::vector<char> fixed(n, 0);
  for (;;) {  // each round fixes at least one share at the side where the sum is off
    double left = total, weight = 0;
    size_t open = 0;
    for (size_t i = 0; i < n; ++i) {
      if (fixed[i]) {
        left -= out[i];
      } else {
        weight += shares[i];
        ++open;
      }
    }
    if (open == 0) return out;
    double below = 0, above = 0;  // how far the clamps at the floors and at the caps move the sum
    for (size_t i = 0; i < n; ++i) {
      if (fixed[i]) continue;
      out[i] = weight > 0 ? left * (shares[i] / weight) : left / static_cast<double>(open);
      below += std::max(0.0, static_cast<double>(bounds.min[i]) - out[i]);
      above += std::max(0.0, out[i] - static_cast<double>(bounds.max[i]));
    }
    if (below == 0 && above == 0) return out;
    for (size_t i = 0; i < n; ++i) {
      if (fixed[i]) continue;
      const auto low = static_cast<double>(bounds.min[i]);
      const auto high = static_cast<double>(bounds.max[i]);
      if (below >= above && out[i] < low) {
        out[i] = low;
        fixed[i] = 1;
      } else if (above >= below && out[i] > high) {
        out[i] = high;
        fixed[i] = 1;
      }
    }
  }
}

// water_fill() in whole numbers that sum to `total` exactly: floors first, then one more for the
// largest remainders (ties: the lower index).
inline std::vector<int64_t> apportion(const std::vector<double>& shares,
                                      int64_t total,
                                      const Bounds& bounds) {
  const std::vector<double> exact = water_fill(shares, static_cast<double>(total), bounds);
  const size_t n = exact.size();
  std::vector<int64_t> out(n);
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  int64_t left = total;
  for (size_t i = 0; i < n; ++i) {
    out[i] = std::clamp(static_cast<int64_t>(std::floor(exact[i])), bounds.min[i], bounds.max[i]);
    left -= out[i];
  }
  const auto remainder = [&](size_t i) { return exact[i] - static_cast<double>(out[i]); };
  std::stable_sort(
      order.begin(), order.end(), [&](size_t a, size_t b) { return remainder(a) > remainder(b); });
  while (left > 0) {  // one round is enough but for rounding in the last place
    for (const size_t i : order) {
      if (left > 0 && out[i] < bounds.max[i]) {
        ++out[i];
        --left;
      }
    }
  }
  return out;
}

}  // namespace kvhost::sdk
