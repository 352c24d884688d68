// SPDX-License-Identifier: Apache-2.0
#include "model/experts.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/activation.hpp"
#include "model/linear.hpp"

namespace kvhost {

namespace {

constexpr double kClampedSlope = 1.702;  // of gpt-oss's sigmoid

// Who goes to one expert.
struct Visitors {
  int64_t expert = 0;
  std::vector<int64_t> tokens;
  std::vector<float> shares;
};

// Ascending by expert, and by token.
std::vector<Visitors> by_expert(const ExpertChoice& choice, int64_t n_experts) {
  std::vector<Visitors> all(static_cast<size_t>(n_experts));
  for (size_t i = 0; i < choice.experts.size(); ++i) {
    Visitors& visitors = all[static_cast<size_t>(choice.experts[i])];
    visitors.tokens.push_back(static_cast<int64_t>(i) / choice.n_chosen);
    visitors.shares.push_back(choice.shares[i]);
  }
  std::vector<Visitors> some;
  for (size_t e = 0; e < all.size(); ++e)
    if (!all[e].tokens.empty()) {
      all[e].expert = static_cast<int64_t>(e);
      some.push_back(std::move(all[e]));
    }
  return some;
}

// One token: all its experts meet the same input, so their gates and ups are one product.
void add_for_one_token(const ModelConfig& config,
                       DType dtype,
                       const ExpertWeights& weights,
                       const std::vector<Visitors>& chosen,
                       const at::Tensor& x,
                       at::Tensor& sum) {
  std::vector<const Linear*> layers;
  for (const auto& visitors : chosen) {
    const Expert& expert = weights.experts[static_cast<size_t>(visitors.expert)];
    layers.insert(layers.end(), {&expert.gate, &expert.up});
  }
  const std::vector<at::Tensor> both = apply_linears(dtype, layers, x);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Expert& expert = weights.experts[static_cast<size_t>(chosen[i].expert)];
    const at::Tensor inner = gated(config, both[2 * i], both[2 * i + 1]);
    sum.add_(apply_linear(dtype, expert.down, inner), chosen[i].shares.front());
  }
}

void add_for_tokens(const ModelConfig& config,
                    DType dtype,
                    const Expert& expert,
                    const Visitors& visitors,
                    const at::Tensor& x,
                    at::Tensor& sum) {
  const at::Tensor rows = at::tensor(visitors.tokens, at::kLong);
  const at::Tensor shares = at::tensor(visitors.shares, at::kFloat).unsqueeze(1);  // [n, 1]
  const auto both =
      apply_linears(dtype, {&expert.gate, &expert.up}, x.index_select(/*dim=*/0, rows));
  const at::Tensor out =
      apply_linear(dtype, expert.down, gated(config, both[0], both[1]));  // [n, hidden_size]
  sum.index_add_(/*dim=*/0, rows, out.to(at::kFloat).mul_(shares));
}

}  // namespace

ExpertChoice choose_experts(const ExpertsConfig& config, const at::Tensor& logits) {
  const int64_t n = logits.size(0), k = config.n_chosen;
  ExpertChoice choice{.n_chosen = k, .experts = {}, .shares = {}};
  std::vector<int32_t> order(static_cast<size_t>(config.n_experts));
  for (int64_t token = 0; token < n; ++token) {
    const float* row = logits.const_data_ptr<float>() + token * config.n_experts;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + k, order.end(), [row](int32_t a, int32_t b) {
      return row[a] > row[b] || (row[a] == row[b] && a < b);
    });
    const float max = row[order.front()];
    float sum = 0;
    for (int64_t i = 0; i < (config.shares_sum_to_1 ? k : config.n_experts); ++i)
      sum += std::exp(row[order[static_cast<size_t>(i)]] - max);
    for (int64_t i = 0; i < k; ++i) {
      choice.experts.push_back(order[static_cast<size_t>(i)]);
      choice.shares.push_back(std::exp(row[choice.experts.back()] - max) / sum);
    }
  }
  return choice;
}

at::Tensor apply_experts(const ModelConfig& config,
                         DType dtype,
                         const ExpertWeights& weights,
                         const at::Tensor& x) {
  at::Tensor logits = wide_linear(dtype, weights.router.weight, x);  // float32 [n, n_experts]
  if (weights.router.bias.defined()) logits = logits + weights.router.bias;
  const ExpertChoice choice = choose_experts(config.experts, logits.contiguous());
  const std::vector<Visitors> chosen = by_expert(choice, config.experts.n_experts);
  at::Tensor sum = at::zeros(x.sizes(), x.options().dtype(at::kFloat));
  if (x.size(0) == 1) {
    add_for_one_token(config, dtype, weights, chosen, x, sum);
  } else {
    for (const auto& visitors : chosen)
      add_for_tokens(config,
                     dtype,
                     weights.experts[static_cast<size_t>(visitors.expert)],
                     visitors,
                     x,
                     sum);
  }
  return sum.to(x.scalar_type());
}

at::Tensor shared_expert_share(DType dtype, const ExpertWeights& weights, const at::Tensor& x) {
  return at::sigmoid(wide_linear(dtype, weights.shared_gate, x)).to(x.scalar_type());
}

at::Tensor gated(const ModelConfig& config, at::Tensor gate, const at::Tensor& up) {
  const double limit = config.experts.clamp;
  if (limit <= 0) return activate(config.activation, gate).mul_(up);
  const at::Tensor g = gate.clamp_max(limit);
  return at::sigmoid(g * kClampedSlope).mul_(g).mul_(up.clamp(-limit, limit).add_(1));
}

}  // namespace kvhost
