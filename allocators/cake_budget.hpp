// SPDX-License-Identifier: Apache-2.0
// How CAKE divides entries in whole numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace kvhost::allocators {

// `total` in proportion to `preferences`, rounded down and at most `cap` each; what is left over is
// spread equally over those below their cap until nothing is left, the last few over the first of
// them. Sums to min(total, cap * n).
std::vector<int64_t> cake_budgets(const std::vector<double>& preferences,
                                  int64_t total,
                                  int64_t cap);

}  // namespace kvhost::allocators
