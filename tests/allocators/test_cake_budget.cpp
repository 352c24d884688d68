// SPDX-License-Identifier: Apache-2.0
// CAKE's division, on budgets that its published code gave.
#include <catch2/catch.hpp>

#include "cake_budget.hpp"

using kvhost::allocators::cake_budgets;
using Budgets = std::vector<int64_t>;

TEST_CASE("cake: rounded down, capped, the rest spread equally and the last from the first on") {
  CHECK(cake_budgets({7.9, 1.2, .9}, 10, 6) == Budgets{6, 3, 1});
  CHECK(cake_budgets({4.6, 3.3, 2.1}, 10, 6) == Budgets{5, 3, 2});
}

TEST_CASE("cake: no more than there is, equal layers where nothing is preferred") {
  CHECK(cake_budgets({1, 2}, 100, 7) == Budgets{7, 7});
  CHECK(cake_budgets({0, 0, 0}, 9, 20) == Budgets{3, 3, 3});
  CHECK(cake_budgets({1, 1}, 0, 5) == Budgets{0, 0});
}
