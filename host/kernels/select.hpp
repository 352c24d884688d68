// SPDX-License-Identifier: Apache-2.0
// Which entries of one head stay: exact, deterministic, in linear time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/dtype.hpp"

namespace kvhost {

// The k entries that come first in the order: pin descending, score descending, position ascending;
// among entries that share a positive pin the later position comes first, whatever their scores.
// Returned as ascending indices. scores: [n] finite. pins: [n] or null (all 0); > 0 keep first, < 0
// drop first. 0 <= k <= n.
std::vector<int32_t> select_top(const float* scores, const int8_t* pins, int64_t n, int64_t k);

// Index of the first NaN or infinity among n elements, -1 when there is none.
int64_t first_not_finite(const float* scores, int64_t n);
int64_t first_not_finite(const void* elements, DType dtype, int64_t n);

}  // namespace kvhost
