// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "press/budget.hpp"

using kvhost::apportion;
using kvhost::PressOptions;
using kvhost::resolve_budget;

TEST_CASE("ratios become integers without losing entries to binary rounding") {
  PressOptions options;
  options.compression_ratio = 0.9;  // 100 * (1 - 0.9) is 9.999...
  CHECK(resolve_budget(options, false, 100, 1, 1).entries_per_head == 10);
  options.compression_ratio.reset();
  options.keep_ratio = 0.1;
  CHECK(resolve_budget(options, false, 100, 2, 3).entries_total == 60);
  options.keep_ratio = 0.001;
  CHECK(resolve_budget(options, false, 100, 1, 1).entries_per_head == 1);  // never 0
  options.keep_ratio.reset();
  options.budget = 500;
  CHECK(resolve_budget(options, false, 100, 1, 1).entries_per_head == 100);
  options.budget.reset();
  const auto defaulted = resolve_budget(options, false, 100, 1, 1);
  CHECK(defaulted.entries_per_head == 25);
  CHECK(defaulted.defaulted);
}

TEST_CASE("apportionment is exact, keeps floors and caps and follows the shares") {
  CHECK(apportion(10, {1, 1, 1}, {0, 0, 0}, {10, 10, 10}) == std::vector<int64_t>{4, 3, 3});
  CHECK(apportion(100, {3, 1}, {0, 0}, {50, 100}) == std::vector<int64_t>{50, 50});
  CHECK(apportion(100, {99, 1}, {0, 10}, {100, 100}) == std::vector<int64_t>{90, 10});
  CHECK(apportion(7, {0, 0}, {0, 0}, {10, 10}) == std::vector<int64_t>{4, 3});
  CHECK(apportion(15, {1, 0}, {0, 0}, {10, 10}) == std::vector<int64_t>{10, 5});

  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const size_t n = 1 + random() % 40;
    std::vector<double> shares(n);
    std::vector<int64_t> floors(n), caps(n);
    for (size_t i = 0; i < n; ++i) {
      shares[i] = random() % 5 == 0 ? 0.0 : static_cast<double>(random() % 1000);
      floors[i] = static_cast<int64_t>(random() % 20);
      caps[i] = floors[i] + static_cast<int64_t>(random() % 400);
    }
    const auto low = std::accumulate(floors.begin(), floors.end(), int64_t{0});
    const auto high = std::accumulate(caps.begin(), caps.end(), int64_t{0});
    const int64_t total =
        low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
    const auto result = apportion(total, shares, floors, caps);
    REQUIRE(std::accumulate(result.begin(), result.end(), int64_t{0}) == total);
    for (size_t i = 0; i < n; ++i) {
      REQUIRE(result[i] >= floors[i]);
      REQUIRE(result[i] <= caps[i]);
    }
  }
}
