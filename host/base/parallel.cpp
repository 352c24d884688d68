// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

namespace kvhost {

int num_threads() { return at::get_num_threads(); }

void set_num_threads(int n) { at::set_num_threads(n); }

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  at::parallel_for(0, n, grain, body);
}

void parallel_shared(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  constexpr int64_t kRangesPerThread = 8;
  if (n <= 0) return;
  const int64_t least = std::max<int64_t>(grain, 1);
  const int64_t threads = std::min<int64_t>(num_threads(), (n - 1) / least + 1);
  if (threads == 1) return body(0, n);
  const int64_t range = std::max(least, (n - 1) / (kRangesPerThread * threads) + 1);
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    for (int64_t begin = next.fetch_add(range); begin < n; begin = next.fetch_add(range))
      body(begin, std::min(begin + range, n));
  });
}

}  // namespace kvhost
