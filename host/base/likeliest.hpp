// SPDX-License-Identifier: Apache-2.0
// The greedy choice, the same wherever tokens are taken or compared.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>

namespace kvhost {

// What is largest of a row, and whether NaN or +infinity is among it. In lanes, which compilers make vectors of: a row
// holds hundreds of thousands of numbers, and every token waits for it.
struct RowPeak {
  float largest = -std::numeric_limits<float>::infinity();  // of what is no NaN
  bool usable = true;
};

inline RowPeak row_peak(std::span<const float> row) {
  constexpr size_t kLanes = 16;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::array<float, kLanes> largest;
  std::array<int32_t, kLanes> bad{};
  largest.fill(-kInfinity);
  const auto take = [&](size_t lane, float x) {
    largest[lane] = largest[lane] < x ? x : largest[lane];
    bad[lane] |= x < kInfinity ? 0 : 1;  // NaN is not below
  };
  size_t i = 0;
  for (; i + kLanes <= row.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) take(lane, row[i + lane]);
  for (; i < row.size(); ++i) take(0, row[i]);
  RowPeak out;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    out.largest = std::max(out.largest, largest[lane]);
    out.usable = out.usable && bad[lane] == 0;
  }
  return out;
}

// Where a row has its largest number; ties to the lower id.
inline int64_t first_of(std::span<const float> row, float largest) {
  const auto at = std::find(row.begin(), row.end(), largest);
  return at == row.end() ? 0 : at - row.begin();
}

// Of a row of logits or log-probabilities; ties to the lower id.
inline int64_t likeliest(std::span<const float> row) {
  return first_of(row, row_peak(row).largest);
}

}  // namespace kvhost
