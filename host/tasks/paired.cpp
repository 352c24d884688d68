// SPDX-License-Identifier: Apache-2.0
// Two arms of an experiment on the same cases: what they differ by, and how sure that is.
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.hpp"
#include "tasks/random.hpp"
#include "tasks/statistics.hpp"

namespace kvhost::tasks {

Interval bootstrap_interval(Values values, const Bootstrap& how, double confidence) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (values.size() < 2 || how.n_resamples < 1) return {kNone, kNone};
  Random random(how.seed);
  std::vector<double> means(static_cast<size_t>(how.n_resamples));
  for (double& resampled : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    resampled = sum / static_cast<double>(values.size());
  }
  const double tail = (1 - confidence) / 2 * 100;
  return {percentile(means, tail), percentile(means, 100 - tail)};
}

PairedDifference paired_difference(Values a, Values b, const Bootstrap& how, double confidence) {
  if (a.size() != b.size())
    run_failed("paired difference",
               std::to_string(a.size()) + " cases stand beside " + std::to_string(b.size()) +
                   "; expected the same cases");
  std::vector<double> apart(a.size());
  for (size_t i = 0; i < a.size(); ++i) apart[i] = a[i] - b[i];
  PairedDifference out;
  out.n = static_cast<int64_t>(apart.size());
  out.mean = mean(apart);
  out.standard_deviation = standard_deviation(apart);
  out.student_t = mean_interval(apart, confidence);
  out.bootstrap = bootstrap_interval(apart, how, confidence);
  const auto n = static_cast<double>(apart.size());
  const double t = std::abs(out.mean) / (out.standard_deviation / std::sqrt(n));
  out.p_value =
      std::isfinite(t) ? 2 * student_t_below(-t, n - 1) : std::numeric_limits<double>::quiet_NaN();
  return out;
}

}  // namespace kvhost::tasks
