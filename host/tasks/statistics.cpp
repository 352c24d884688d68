// SPDX-License-Identifier: Apache-2.0
#include "tasks/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace kvhost::tasks {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void expect_pairs(Values a, Values b) {
  if (a.size() != b.size())
    run_failed("statistics",
               std::to_string(a.size()) + " values stand beside " + std::to_string(b.size()) +
                   "; expected as many of both");
}

double dot(Values a, Values b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

std::vector<double> centred(Values values) {
  const double middle = mean(values);
  std::vector<double> out(values.begin(), values.end());
  for (double& x : out) x -= middle;
  return out;
}

// From 1; equal values share the mean of their ranks.
std::vector<double> ranks(Values values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double shared = static_cast<double>(begin + 1 + end) / 2;
    for (size_t i = begin; i < end; ++i) out[order[i]] = shared;
  }
  return out;
}

}  // namespace

double mean(Values values) {
  if (values.empty()) return kNone;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(Values values) {
  if (values.size() < 2) return kNone;
  const auto apart = centred(values);
  return std::sqrt(dot(apart, apart) / static_cast<double>(values.size() - 1));
}

double percentile(Values values, double percent) {
  if (values.empty() || !(percent >= 0 && percent <= 100)) return kNone;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double at = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double median(Values values) { return percentile(values, 50); }

double cosine(Values a, Values b) {
  expect_pairs(a, b);
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));  // 0 / 0 is NaN: no direction
}

double pearson(Values a, Values b) {
  expect_pairs(a, b);
  if (a.size() < 2) return kNone;
  return cosine(centred(a), centred(b));
}

double spearman(Values a, Values b) {
  expect_pairs(a, b);
  return pearson(ranks(a), ranks(b));
}

Interval mean_interval(Values values, double confidence) {
  if (values.size() < 2) return {kNone, kNone};
  const auto n = static_cast<double>(values.size());
  const double reach =
      student_t_quantile((1 + confidence) / 2, n - 1) * standard_deviation(values) / std::sqrt(n);
  return {mean(values) - reach, mean(values) + reach};
}

}  // namespace kvhost::tasks
