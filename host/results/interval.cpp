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

}  // namespace kvhost::results
