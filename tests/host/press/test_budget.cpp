// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "press/budget.hpp"

using kvhost::apportion;
using kvhost::BudgetRule;
using kvhost::resolve_budget;

TEST_CASE("ratios become integers without losing entries to binary rounding") {
  BudgetRule rule;
  rule.mode = BudgetRule::Mode::CompressionRatio;
  rule.value = 0.9;  // 100 * (1 - 0.9) is 9.999...
  CHECK(resolve_budget(rule, false, 100, 1, 1).entries_per_head == 10);
  rule.mode = BudgetRule::Mode::KeepRatio;
  rule.value = 0.1;
  CHECK(resolve_budget(rule, false, 100, 2, 3).entries_total == 60);
  rule.value = 0.001;
  CHECK(resolve_budget(rule, false, 100, 1, 1).entries_per_head == 1);  // never 0
  rule.mode = BudgetRule::Mode::Entries;
  rule.value = 500;
  CHECK(resolve_budget(rule, false, 100, 1, 1).entries_per_head == 100);
  const auto defaulted = resolve_budget(BudgetRule(), false, 100, 1, 1);
  CHECK(defaulted.entries_per_head == 25);
  CHECK(defaulted.defaulted);
}

TEST_CASE(
    "a ratio leaves the floor, so that short prompts are kept whole, and a number is taken at its word") {
  BudgetRule rule;
  rule.min_entries = 128;
  const auto whole = resolve_budget(rule, false, 100, 1, 1);
  CHECK(whole.entries_per_head == 100);
  CHECK(whole.raised);
  CHECK(resolve_budget(rule, false, 400, 1, 1).entries_per_head == 128);
  const auto long_enough = resolve_budget(rule, false, 600, 1, 1);
  CHECK(long_enough.entries_per_head == 150);
  CHECK_FALSE(long_enough.raised);
  rule.mode = BudgetRule::Mode::Entries;
  rule.value = 16;
  CHECK(resolve_budget(rule, false, 400, 1, 1).entries_per_head == 16);
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
