// SPDX-License-Identifier: Apache-2.0
// What leverage scores are made of.
#pragma once

#include <kvhost/torch.hpp>

namespace kvhost::scorers {

// x^T M^-1 x for every row x. rows: [n, k]; matrix: [k, k] symmetric. M^-1 = W^T W with W from the
// Cholesky factor in float64, so that the result is a sum of squares. Undefined when M is not
// positive definite; NaN when it holds NaN.
inline at::Tensor inverse_quadratic_forms(const at::Tensor& rows, const at::Tensor& matrix) {
  const auto [factor, info] = at::linalg_cholesky_ex(matrix.to(at::kDouble));
  if (info.item<int>() != 0) return {};
  const at::Tensor identity = at::eye(matrix.size(0), at::kDouble);
  const at::Tensor w = at::linalg_solve_triangular(factor, identity, /*upper=*/false);
  return rows.matmul(w.t().to(rows.scalar_type())).square_().sum(/*dim=*/1);  // -> [n]
}

// Subtracts the mean and divides by the unbiased standard deviation, at least 1e-6, over all of it.
inline void z_score(std::vector<float>& x) {
  const auto n = static_cast<double>(x.size());
  double mean = 0, squares = 0;
  for (const float v : x) mean += v / n;
  for (const float v : x) squares += (v - mean) * (v - mean);
  const double deviation = std::max(std::sqrt(squares / std::max(1.0, n - 1)), 1e-6);
  for (float& v : x) v = static_cast<float>((v - mean) / deviation);
}

}  // namespace kvhost::scorers
