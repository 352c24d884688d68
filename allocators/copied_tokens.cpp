// SPDX-License-Identifier: Apache-2.0
#include "copied_tokens.hpp"

#include <algorithm>
#include <numeric>

namespace kvhost::allocators {

std::vector<int64_t> copied_from(const int32_t* tokens, int64_t n, int64_t at, int64_t distance) {
  std::vector<int64_t> places;
  const int64_t end = std::min(n, at - distance);
  for (int64_t i = 1; i < end; ++i)
    if (tokens[i] == tokens[at + 1] && tokens[i - 1] == tokens[at]) places.push_back(i);
  return places;
}

double attention_on(const std::vector<int64_t>& places, const float* row, int64_t length) {
  const auto n = static_cast<int64_t>(places.size());
  std::vector<int64_t> order(static_cast<size_t>(length));
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto more = [&](int64_t a, int64_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; };
  std::partial_sort(order.begin(), order.begin() + n, order.end(), more);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    if (std::binary_search(places.begin(), places.end(), order[static_cast<size_t>(i)]))
      sum += row[order[static_cast<size_t>(i)]];
  return sum / static_cast<double>(n);
}

}  // namespace kvhost::allocators
