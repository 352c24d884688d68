// SPDX-License-Identifier: Apache-2.0
#include "train/fitness.hpp"

#include <ATen/ATen.h>

namespace kvhost::train {
namespace {

// [n, n_outputs] -> the rank of each value in its column, from 0; equal ones as they come.
at::Tensor ranks(const at::Tensor& values) {
  return values.argsort(/*stable=*/true, /*dim=*/0)
      .argsort(/*stable=*/true, /*dim=*/0)
      .to(at::kDouble);
}

}  // namespace

Fitness fitness(const at::Tensor& predicted, const at::Tensor& wanted) {
  const at::Tensor p = predicted.to(at::kDouble), w = wanted.to(at::kDouble);
  const double error = (p - w).square().sum().item<double>();
  const double spread = (w - w.mean(/*dim=*/0, /*keepdim=*/true)).square().sum().item<double>();
  const auto centred = [](const at::Tensor& x) { return x - x.mean(/*dim=*/0, /*keepdim=*/true); };
  const at::Tensor a = centred(ranks(p)), b = centred(ranks(w));
  const at::Tensor length = (a.square().sum(0) * b.square().sum(0)).sqrt().clamp_min(1e-12);
  return {spread > 0 ? 1 - error / spread : 0, ((a * b).sum(0) / length).mean().item<double>()};
}

}  // namespace kvhost::train
