// SPDX-License-Identifier: Apache-2.0
// How well predictions follow what they were to predict.
#pragma once

#include <ATen/core/Tensor.h>

namespace kvhost::train {

struct Fitness {
  double r2 = 0;        // 1 - squared error / variance, over all outputs together
  double spearman = 0;  // rank correlation of each output, their mean
};

// predicted, wanted: [n, n_outputs]
Fitness fitness(const at::Tensor& predicted, const at::Tensor& wanted);

}  // namespace kvhost::train
