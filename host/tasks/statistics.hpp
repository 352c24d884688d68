// SPDX-License-Identifier: Apache-2.0
// What a set of measurements says, and how sure it is. Where there are too few of them a figure is
// NaN, never a guess.
#pragma once

#include <cstdint>
#include <span>

namespace kvhost::tasks {

using Values = std::span<const double>;

struct Interval {
  double low = 0, high = 0;
};

double mean(Values values);
double standard_deviation(Values values);          // of a sample: n - 1
double percentile(Values values, double percent);  // 0 to 100, linear between neighbours
double median(Values values);

// Of two measurements of the same things, in the same order; different counts are an Error.
double pearson(Values a, Values b);
double spearman(Values a, Values b);  // ties get the mean of their ranks
double cosine(Values a, Values b);

// The value that a Student t of so many degrees of freedom stays below with `probability`.
double student_t_quantile(double probability, double degrees);
double student_t_below(double t, double degrees);  // the probability of staying below t

Interval mean_interval(Values values, double confidence = 0.95);  // Student t

struct Bootstrap {
  uint64_t seed = 0;
  int64_t n_resamples = 10000;
};
// Of the mean, by percentiles of resampled means.
Interval bootstrap_interval(Values values, const Bootstrap& how, double confidence = 0.95);

// a - b of the same things.
struct PairedDifference {
  int64_t n = 0;
  double mean = 0, standard_deviation = 0;
  Interval student_t, bootstrap;
  double p_value = 1;  // two-sided t test of no difference; NaN when all differences are the same
};
PairedDifference paired_difference(Values a,
                                   Values b,
                                   const Bootstrap& how,
                                   double confidence = 0.95);

}  // namespace kvhost::tasks
