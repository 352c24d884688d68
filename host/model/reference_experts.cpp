// SPDX-License-Identifier: Apache-2.0
#include "model/reference_experts.hpp"

#include <ATen/ATen.h>

#include "model/activation.hpp"

namespace kvhost {

namespace {

// [S, n_experts]: what each token takes of each expert, 0 of those it did not choose.
at::Tensor shares(const ExpertsConfig& config, const at::Tensor& logits) {
  const at::Tensor all = at::softmax(logits, /*dim=*/-1, at::kFloat);
  auto [chosen, ids] = all.topk(config.n_chosen, /*dim=*/-1);  // [S, n_chosen]
  if (config.shares_sum_to_1) chosen = chosen / chosen.sum(/*dim=*/-1, /*keepdim=*/true);
  return at::zeros_like(all).scatter(/*dim=*/-1, ids, chosen);
}

at::Tensor inside(const ModelConfig& config, const at::Tensor& gate, const at::Tensor& up) {
  const double limit = config.experts.clamp;
  if (limit <= 0) return activate(config.activation, gate) * up;
  const at::Tensor bounded = gate.clamp_max(limit);
  return (up.clamp(-limit, limit) + 1) * bounded * at::sigmoid(bounded * 1.702);
}

}  // namespace

at::Tensor reference_experts(const ModelConfig& config,
                             const ExpertWeights& weights,
                             const at::Tensor& x,
                             ApplyLinear linear) {
  const at::Tensor share = shares(config.experts, linear(weights.router, x));
  at::Tensor sum = at::zeros(x.sizes(), x.options().dtype(at::kFloat));
  for (int64_t e = 0; e < config.experts.n_experts; ++e) {
    const at::Tensor own = share.narrow(/*dim=*/1, e, 1);  // [S, 1]
    if (!own.any().item<bool>()) continue;
    const Expert& expert = weights.experts[static_cast<size_t>(e)];
    const at::Tensor inner = inside(config, linear(expert.gate, x), linear(expert.up, x));
    sum = sum + linear(expert.down, inner).to(at::kFloat) * own;
  }
  return sum.to(x.scalar_type());
}

}  // namespace kvhost
