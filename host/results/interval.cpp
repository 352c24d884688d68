// SPDX-License-Identifier: Apache-2.0
#include "results/interval.hpp"

#include <cmath>
#include <iterator>
#include <limits>

namespace kvhost::results {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// For 1, 2, ... degrees of freedom.
constexpr double kStudent975[] = {12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912,
                                  2.364624,  2.306004, 2.262157, 2.228139, 2.200985, 2.178813,
                                  2.160369,  2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
                                  2.093024,  2.085963, 2.079614, 2.073873, 2.068658, 2.063899,
                                  2.059539,  2.055529, 2.051831, 2.048407, 2.045230, 2.042272};

}  // namespace

double student_t_975(int64_t degrees_of_freedom) {
  if (degrees_of_freedom < 1) return kNaN;
  if (degrees_of_freedom <= std::ssize(kStudent975)) return kStudent975[degrees_of_freedom - 1];
  // The Cornish-Fisher expansion about the normal quantile; its fourth term is below 1e-6 here.
  const double z = 1.959963984540054, n = static_cast<double>(degrees_of_freedom);
  const double z2 = z * z;
  return z + z * (z2 + 1) / (4 * n) + z * ((5 * z2 + 16) * z2 + 3) / (96 * n * n) +
         z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n);
}

Interval interval_of(std::span<const double> values) {
  Interval out;
  out.n = std::ssize(values);
  out.mean = out.sd = out.half = kNaN;
  if (values.empty()) return out;
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  out.mean = sum / static_cast<double>(out.n);
  if (out.n < 2) return out;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.sd = std::sqrt(squares / static_cast<double>(out.n - 1));
  out.half = student_t_975(out.n - 1) * out.sd / std::sqrt(static_cast<double>(out.n));
  return out;
}

}  // namespace kvhost::results
