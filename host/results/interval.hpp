// SPDX-License-Identifier: Apache-2.0
// Mean and 95 % confidence interval of a sample.
#pragma once

#include <cstdint>
#include <span>

namespace kvhost::results {

struct Interval {
  int64_t n = 0;
  double mean = 0;  // NaN of nothing
  double sd = 0;    // of the sample (n - 1); NaN below two values
  double half = 0;  // the interval is mean +- half, by Student's t; NaN below two values
};

Interval interval_of(std::span<const double> values);

}  // namespace kvhost::results
