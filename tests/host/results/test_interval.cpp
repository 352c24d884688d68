// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "results/interval.hpp"

using Catch::Matchers::WithinAbs;
using kvhost::results::interval_of;

TEST_CASE("an interval is the mean and t times the standard error") {
  const std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  const auto found = interval_of(values);
  CHECK(found.n == 8);
  CHECK(found.mean == 5);
  CHECK_THAT(found.sd, WithinAbs(2.138089935299395, 1e-12));
  CHECK_THAT(found.half, WithinAbs(2.364624 * 2.138089935299395 / std::sqrt(8.0), 1e-5));
}

TEST_CASE("one value has no interval, none has no mean") {
  const std::vector<double> one = {3};
  CHECK(interval_of(one).mean == 3);
  CHECK(std::isnan(interval_of(one).half));
  CHECK(std::isnan(interval_of({}).mean));
}
