// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "base/parallel.hpp"

using namespace kvhost;

namespace {

struct Threads {
  explicit Threads(int n) : before(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

}  // namespace

TEST_CASE("work that threads share is done once, in ranges that are not too small") {
  for (const int n_threads : {1, 2, 5}) {
    const Threads threads(n_threads);
    for (const int64_t n : {0, 1, 7, 64, 1000})
      for (const int64_t grain : {1, 10, 300}) {
        INFO(n_threads << " threads, " << n << " by " << grain);
        std::vector<std::atomic<int>> times(static_cast<size_t>(n));
        std::atomic<int> n_small{0};
        parallel_shared(n, grain, [&](int64_t begin, int64_t end) {
          if (end - begin < grain) ++n_small;
          for (int64_t i = begin; i < end; ++i) ++times[static_cast<size_t>(i)];
        });
        for (const auto& t : times) CHECK(t == 1);
        CHECK(n_small <= 1);  // the last
      }
  }
}

TEST_CASE("a thread that is held up leaves its share to the others") {
  const Threads threads(2);
  constexpr int64_t kItems = 64;
  std::atomic<int64_t> n_of_slow{0};
  std::atomic<bool> taken{false};
  std::thread::id slow;
  parallel_shared(kItems, 1, [&](int64_t begin, int64_t end) {
    if (!taken.exchange(true)) slow = std::this_thread::get_id();
    if (slow != std::this_thread::get_id()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    n_of_slow += end - begin;
  });
  CHECK(n_of_slow < kItems / 2);  // equal shares would be that
}
