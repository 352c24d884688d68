// SPDX-License-Identifier: Apache-2.0
#include "train/fit_linear.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace kvhost::train {

SurrogateLayer fit_linear(const Pairs& pairs, double alpha) {
  constexpr int64_t kBlock = 2048;  // rows in double precision at a time
  const int64_t d = pairs.inputs.size(1), n = pairs.n();
  const at::Tensor mean_x = pairs.inputs.mean(0, false, at::kDouble);
  const at::Tensor mean_y = pairs.targets.mean(0, false, at::kDouble);
  at::Tensor gram = at::eye(d, at::kDouble).mul_(alpha);
  at::Tensor cross = at::zeros({d, pairs.targets.size(1)}, at::kDouble);
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t rows = std::min(kBlock, n - first);
    const at::Tensor x = pairs.inputs.narrow(0, first, rows).to(at::kDouble) - mean_x;
    const at::Tensor y = pairs.targets.narrow(0, first, rows).to(at::kDouble) - mean_y;
    gram.addmm_(x.t(), x);
    cross.addmm_(x.t(), y);
  }
  const at::Tensor weight = at::cholesky_solve(cross, at::linalg_cholesky(gram));  // [d, n_outputs]
  SurrogateLayer layer;
  layer.first = weight.t().to(at::kFloat).contiguous();
  layer.first_bias = (mean_y - at::matmul(mean_x, weight)).to(at::kFloat);
  return layer;
}

}  // namespace kvhost::train
