// SPDX-License-Identifier: Apache-2.0
#include "cake_budget.hpp"

#include <algorithm>
#include <numeric>

namespace kvhost::allocators {

std::vector<int64_t> cake_budgets(const std::vector<double>& preferences,
                                  int64_t total,
                                  int64_t cap) {
  const auto n = static_cast<int64_t>(preferences.size());
  const double whole = std::accumulate(preferences.begin(), preferences.end(), 0.0);
  std::vector<int64_t> out;
  for (const double p : preferences) {
    const double share = whole > 0 ? p / whole : 1.0 / static_cast<double>(n);
    out.push_back(std::min(static_cast<int64_t>(share * static_cast<double>(total)), cap));
  }
  int64_t left = std::min(total, cap * n) - std::accumulate(out.begin(), out.end(), int64_t{0});
  while (left > 0) {
    const auto open = std::count_if(out.begin(), out.end(), [&](int64_t b) { return b < cap; });
    const int64_t each = std::max<int64_t>(left / open, 1);
    for (int64_t& b : out) {
      const int64_t more = std::min({each, cap - b, left});
      b += more;
      left -= more;
    }
  }
  return out;
}

}  // namespace kvhost::allocators
