// SPDX-License-Identifier: Apache-2.0
// Mean and 95 % confidence interval of a sample, and of several that count alike.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kvhost::results {

struct Interval {
  int64_t n = 0;
  double mean = 0;  // NaN of nothing
  double sd = 0;    // of the sample (n - 1); NaN below two values
  double half = 0;  // the interval is mean +- half, by Student's t; NaN below two values
};

Interval interval_of(std::span<const double> values);

// Of samples that count alike, whatever their sizes: the mean of their means. The interval is by
// Welch's and Satterthwaite's degrees of freedom; there is none where a sample has one value.
using Samples = std::map<std::string, std::vector<double>>;
Interval interval_of_samples(const Samples& samples);

}  // namespace kvhost::results
