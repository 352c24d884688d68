// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "results/interval.hpp"

using Catch::Matchers::WithinAbs;
using kvhost::results::interval_of;
using kvhost::results::student_t_975;

TEST_CASE("the quantiles of Student's t are SciPy's") {
  // scipy.stats.t.ppf(0.975, n)
  CHECK_THAT(student_t_975(1), WithinAbs(12.706204736174694, 1e-5));
  CHECK_THAT(student_t_975(15), WithinAbs(2.131449545559323, 1e-5));
  CHECK_THAT(student_t_975(30), WithinAbs(2.042272456301238, 1e-5));
  CHECK_THAT(student_t_975(31), WithinAbs(2.0395134463964077, 1e-5));
  CHECK_THAT(student_t_975(63), WithinAbs(1.9983405425207412, 1e-5));
  CHECK_THAT(student_t_975(1000), WithinAbs(1.9623390808264078, 1e-5));
  CHECK(std::isnan(student_t_975(0)));
}

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
