// SPDX-License-Identifier: Apache-2.0
// The original system's budgets, vector by vector. Its profile is published with four digits; the
// vectors were made from more, so a layer may differ by one where the share lies on an integer.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "rank_budget.hpp"

using namespace kvhost::allocators;
using Budgets = std::vector<int64_t>;

namespace {

// Effective ranks of pythia-2.8b on WikiText-2, 32 samples.
const std::vector<double> kProfile{.5855, .6866, .5519, .2612, .3971, .2411, .1333, .1961,
                                   .2304, .2545, .3314, .1719, .2160, .2018, .3358, .1394,
                                   .1931, .1157, .1618, .1550, .1407, .1563, .1598, .1718,
                                   .1249, .1460, .1224, .1722, .1972, .1346, .2324, .1542};

const std::vector<double> kFive{.3, .5, .8, .2, .6};

RankStrategy strategy(const std::string& name) {
  RankStrategy s;
  s.name = name;
  return s;
}

Budgets five(const std::string& name, int64_t min, std::optional<int64_t> max = {}) {
  return seed_budgets(kFive, 100, strategy(name), min, max);
}

int64_t sum(const Budgets& b) { return std::accumulate(b.begin(), b.end(), int64_t{0}); }

void check_near(const Budgets& got, const Budgets& want) {
  REQUIRE(got.size() == want.size());
  CHECK(sum(got) == sum(want));
  for (size_t i = 0; i < got.size(); ++i) {
    INFO("layer " << i << ": " << got[i] << " against " << want[i]);
    CHECK(std::abs(got[i] - want[i]) <= 1);
  }
}

const Budgets kAverage512{1284, 1506, 1211, 573, 871, 529, 292, 430, 506, 559, 727,
                          376,  474,  443,  737, 305, 424, 253, 354, 339, 308, 342,
                          350,  376,  273,  320, 268, 378, 433, 295, 510, 338};

}  // namespace

TEST_CASE("the original's strategies on five layers") {
  CHECK(five("proportional", 4) == Budgets{12, 20, 34, 8, 26});
  CHECK(five("softmax", 4) == Budgets{16, 20, 27, 14, 23});
  CHECK(five("adaptive", 4) == Budgets{20, 20, 30, 10, 20});
  CHECK(five("power", 4) == Budgets{6, 18, 46, 4, 26});
}

TEST_CASE("the original's repair loses visits that clamps block") {
  CHECK(five("proportional", 4, 30) == Budgets{13, 21, 30, 9, 26});
  CHECK(five("proportional", 15) == Budgets{15, 18, 32, 15, 24});
  CHECK(five("proportional", 25) == Budgets{25, 25, 27, 25, 25});
  CHECK(five("proportional", 4, 15) == Budgets(5, 15));
  CHECK(seed_budgets(kFive, 60, strategy("proportional"), 20, {}) == Budgets(5, 20));
}

TEST_CASE("the original breaks ties towards lower layers when it hands out") {
  RankStrategy power = strategy("power");
  power.power = 1;
  CHECK(seed_budgets({.1, .5, .5, .1}, 11, power, 1, {}) == Budgets{1, 5, 4, 1});
}

TEST_CASE("the original's proportional budgets of a 32-layer profile") {
  const RankStrategy s = strategy("proportional");
  check_near(seed_budgets(kProfile, 128 * 32, s, 32, {}),
             {321, 377, 303, 144, 218, 133, 73, 107, 127, 140, 182, 94, 119, 111, 185, 76,
              105, 63,  88,  84,  77,  85,  87, 94,  68,  80,  67,  94, 109, 73,  128, 84});
  check_near(seed_budgets(kProfile, 256 * 32, s, 32, {}),
             {642, 753, 606, 287, 436, 265, 146, 215, 253, 280, 364, 188, 237, 222, 369, 152,
              211, 126, 177, 169, 154, 171, 175, 188, 136, 160, 134, 188, 217, 147, 255, 169});
  check_near(seed_budgets(kProfile, 512 * 32, s, 32, {}), kAverage512);
}

TEST_CASE("the original's other strategies on the 32-layer profile") {
  const auto extremes = [](const std::string& name) {
    const Budgets b = seed_budgets(kProfile, 256 * 32, strategy(name), 32, {});
    CHECK(sum(b) == 256 * 32);
    return std::pair(*std::max_element(b.begin(), b.end()), *std::min_element(b.begin(), b.end()));
  };
  CHECK(extremes("softmax") == std::pair<int64_t, int64_t>{399, 225});
  CHECK(seed_budgets(kProfile, 256 * 32, strategy("softmax"), 32, {}).front() == 361);
  CHECK(extremes("power") == std::pair<int64_t, int64_t>{1642, 46});
  CHECK(extremes("adaptive") == std::pair<int64_t, int64_t>{384, 128});
}

TEST_CASE("uniform hands the remainder to the first layers, zero ranks have none") {
  CHECK(seed_budgets(kFive, 103, strategy("uniform"), 4, {}) == Budgets{21, 21, 21, 20, 20});
  CHECK(seed_budgets({0, 0, 0}, 10, strategy("proportional"), 4, {}) == Budgets{3, 3, 3});
}

TEST_CASE("the random ablation repeats CPython's shuffle") {
  // random.seed(42); x = list(range(10)); random.shuffle(x)
  CHECK(cpython_shuffle(10, 42) == std::vector<size_t>{7, 3, 2, 8, 5, 6, 9, 4, 0, 1});
  // The published permutation, applied to the published budgets.
  Budgets shuffled;
  for (const size_t i : cpython_shuffle(32, 42)) shuffled.push_back(kAverage512[i]);
  CHECK(shuffled == Budgets{268, 529, 727, 305, 320, 376, 350,  292, 339,  474,  424,
                            559, 433, 737, 273, 308, 510, 1506, 443, 354,  1211, 253,
                            342, 573, 295, 871, 378, 338, 506,  376, 1284, 430});
  check_near(seed_budgets(kProfile, 512 * 32, strategy("random"), 32, {}), shuffled);
}

TEST_CASE("the inverse ablation hands sorted budgets out in reverse") {
  const std::vector<double> budgets(kAverage512.begin(), kAverage512.end());
  Budgets inverse;
  for (const size_t i : inverse_order(budgets)) inverse.push_back(kAverage512[i]);
  const Budgets published{268, 253, 273,  308, 292,  338, 871,  376, 342, 320, 305,
                          430, 350, 354,  295, 727,  378, 1506, 443, 510, 573, 506,
                          474, 433, 1211, 559, 1284, 424, 376,  737, 339, 529};
  CHECK(inverse == published);
  check_near(seed_budgets(kProfile, 512 * 32, strategy("inverse"), 32, {}), published);
}

TEST_CASE("shares of strategies that learn layer by layer only shrink") {
  for (const std::string name : {"proportional", "softmax", "power"}) {
    REQUIRE(is_monotone(strategy(name)));
    double before = 1;
    for (size_t n = 1; n <= kProfile.size(); ++n) {
      const std::vector<double> seen(kProfile.begin(), kProfile.begin() + static_cast<long>(n));
      const auto shares = rank_shares(seen, strategy(name));
      const double first = shares[0] / std::accumulate(shares.begin(), shares.end(), 0.0);
      CHECK(first <= before);
      before = first;
    }
  }
  for (const std::string name : {"adaptive", "inverse", "random"}) {
    CHECK_FALSE(is_monotone(strategy(name)));
  }
}
