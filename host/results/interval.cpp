// SPDX-License-Identifier: Apache-2.0
#include "results/interval.hpp"

#include <cmath>
#include <iterator>
#include <limits>

#include "tasks/statistics.hpp"

namespace kvhost::results {

Interval interval_of(std::span<const double> values) {
  Interval out;
  out.n = std::ssize(values);
  out.mean = out.sd = out.half = std::numeric_limits<double>::quiet_NaN();
  if (out.n < 1) return out;
  out.mean = tasks::mean(values);
  if (out.n < 2) return out;
  out.sd = tasks::standard_deviation(values);
  out.half = tasks::student_t_quantile(0.975, static_cast<double>(out.n - 1)) * out.sd /
             std::sqrt(static_cast<double>(out.n));
  return out;
}

Interval interval_of_samples(const Samples& samples) {
  Interval out;
  const auto n_samples = static_cast<double>(samples.size());
  double variance = 0, squares = 0;  // of the mean; what the degrees of freedom are made from
  for (const auto& [name, values] : samples) {
    const Interval one = interval_of(values);
    const auto n = static_cast<double>(one.n);
    const double part = one.sd * one.sd / n / (n_samples * n_samples);
    out.n += one.n;
    out.mean += one.mean / n_samples;
    variance += part;
    squares += part * part / (n - 1);
  }
  out.sd = std::sqrt(variance * static_cast<double>(out.n));
  // All values of every sample the same: nothing is left to be unsure of.
  const double degrees = variance > 0 ? variance * variance / squares : 1;
  out.half = std::isnan(variance) ? out.sd
                                  : tasks::student_t_quantile(0.975, degrees) * std::sqrt(variance);
  if (samples.empty()) out.mean = out.sd = out.half = std::numeric_limits<double>::quiet_NaN();
  return out;
}

}  // namespace kvhost::results
