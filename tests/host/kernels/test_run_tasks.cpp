// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "base/parallel.hpp"
#include "kernels/row_tiles.hpp"

TEST_CASE("two tasks run at the same time on two threads") {
  const int before = kvhost::num_threads();
  kvhost::set_num_threads(2);
  std::atomic<int> started{0}, met{0};
  kvhost::run_tasks(2, /*scratch=*/16, /*small=*/false, [&](int64_t, float*) {
    ++started;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (started < 2 && std::chrono::steady_clock::now() < limit) {
      std::this_thread::yield();
    }
    met += started == 2 ? 1 : 0;
  });
  CHECK(met == 2);
  kvhost::set_num_threads(before);
}
