// SPDX-License-Identifier: Apache-2.0
// Student's t through the regularised incomplete beta function, by its continued fraction
// (Numerical Recipes 6.4, by Lentz's method).
#include <cmath>
#include <limits>

#include "tasks/statistics.hpp"

namespace kvhost::tasks {

namespace {

double away_from_zero(double x) { return std::abs(x) < 1e-300 ? 1e-300 : x; }

// Converges fast for x < (a + 1) / (a + b + 2).
double fraction(double a, double b, double x) {
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), out = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    out *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    out *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return out;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * fraction(a, b, x) / a;
  return 1 - front * fraction(b, a, 1 - x) / b;
}

}  // namespace

double student_t_below(double t, double degrees) {
  if (!(degrees > 0) || std::isnan(t)) return std::numeric_limits<double>::quiet_NaN();
  const double tail = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double probability, double degrees) {
  if (!(degrees > 0) || !(probability > 0 && probability < 1))
    return std::numeric_limits<double>::quiet_NaN();
  if (probability == 0.5) return 0;
  if (probability > 0.5) return -student_t_quantile(1 - probability, degrees);
  double low = -1, high = 0;  // the answer is negative
  while (student_t_below(low, degrees) > probability) low *= 2;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = (low + high) / 2;
    if (middle == low || middle == high) break;
    (student_t_below(middle, degrees) > probability ? high : low) = middle;
  }
  return (low + high) / 2;
}

}  // namespace kvhost::tasks
