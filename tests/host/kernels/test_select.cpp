// SPDX-License-Identifier: Apache-2.0
// Selection against a full sort.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/select.hpp"

namespace {

using Indices = std::vector<int32_t>;

Indices sorted_top(const std::vector<float>& scores, const std::vector<int8_t>& pins, int64_t k) {
  Indices order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const auto i = static_cast<size_t>(a), j = static_cast<size_t>(b);
    const int p = pins.empty() ? 0 : pins[i], q = pins.empty() ? 0 : pins[j];
    if (p != q) return p > q;
    if (p > 0) return a > b;
    if (scores[i] != scores[j]) return scores[i] > scores[j];
    return a < b;
  });
  order.resize(static_cast<size_t>(k));
  std::sort(order.begin(), order.end());
  return order;
}

Indices top(const std::vector<float>& scores, const std::vector<int8_t>& pins, int64_t k) {
  return kvhost::select_top(
      scores.data(), pins.empty() ? nullptr : pins.data(), static_cast<int64_t>(scores.size()), k);
}

}  // namespace

TEST_CASE("select agrees with a sort: ties, signs, pins, every k") {
  std::mt19937 rng(7);
  for (int round = 0; round < 60; ++round) {
    const size_t n = 1 + rng() % 90;
    const int distinct = round % 3 == 0 ? 3 : 1000;
    std::vector<float> scores(n);
    std::vector<int8_t> pins(round % 2 == 0 ? 0 : n);
    for (float& score : scores) {
      score = static_cast<float>(static_cast<int>(rng() % static_cast<uint32_t>(distinct)) -
                                 distinct / 2) *
              (rng() % 2 == 0 ? 1e-3f : 1e5f);
    }
    for (int8_t& pin : pins) {
      const uint32_t kind = rng() % 10;
      pin = static_cast<int8_t>(kind < 6    ? 0
                                : kind == 6 ? 1
                                : kind == 7 ? 127
                                : kind == 8 ? -1
                                            : -128);
    }
    for (int64_t k = 0; k <= static_cast<int64_t>(n); ++k) {
      INFO("round " << round << " n " << n << " k " << k);
      REQUIRE(top(scores, pins, k) == sorted_top(scores, pins, k));
    }
  }
}

TEST_CASE("select handles extremes of float32 and long rows") {
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(top({0.0f, -0.0f, 1e-45f, -1e-45f}, {}, 2) == Indices{0, 2});
  CHECK(top({-0.0f, 0.0f}, {}, 1) == Indices{0});  // equal: the earlier
  CHECK(top({-inf, 3e38f, -3e38f, inf}, {}, 2) == Indices{1, 3});
  std::mt19937 rng(3);
  std::normal_distribution<float> normal;
  std::vector<float> scores(100'000);
  std::generate(scores.begin(), scores.end(), [&] { return normal(rng); });
  CHECK(top(scores, {}, 12'345) == sorted_top(scores, {}, 12'345));
}

TEST_CASE("more pins than budget: the latest stay") {
  CHECK(top({9, 8, 7, 6}, {1, 1, 1, 0}, 2) == Indices{1, 2});
  CHECK(top({9, 8, 7, 6}, {1, 2, 1, 0}, 2) == Indices{1, 2});
  CHECK(top({9, 8, 7, 6}, {-1, 0, 0, 0}, 3) == Indices{1, 2, 3});
}

TEST_CASE("first_not_finite finds the first") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> scores = {0, 1, -std::numeric_limits<float>::infinity(), nan};
  CHECK(kvhost::first_not_finite(scores.data(), 2) == -1);
  CHECK(kvhost::first_not_finite(scores.data(), 4) == 2);
  CHECK(kvhost::first_not_finite(scores.data() + 3, 1) == 0);
}
