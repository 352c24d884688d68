// SPDX-License-Identifier: Apache-2.0
#include "train/fit_mlp.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace kvhost::train {
namespace {

// AdamW of one tensor, with PyTorch's defaults.
class Moments {
 public:
  explicit Moments(const at::Tensor& parameter)
      : first_(at::zeros_like(parameter)), second_(at::zeros_like(parameter)) {}

  void step(
      at::Tensor& parameter, const at::Tensor& gradient, double rate, double decay, int64_t t) {
    constexpr double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    parameter.mul_(1 - rate * decay);
    first_.mul_(beta1).add_(gradient, 1 - beta1);
    second_.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    const double steps = static_cast<double>(t);
    const double size = rate / (1 - std::pow(beta1, steps));
    const at::Tensor scale = second_.sqrt().div_(std::sqrt(1 - std::pow(beta2, steps))).add_(eps);
    parameter.addcdiv_(first_, scale, -size);
  }

 private:
  at::Tensor first_, second_;
};

// Inputs and targets to mean 0 and spread 1, and the way back into the weights.
struct Scale {
  at::Tensor mean, spread;  // [n]

  explicit Scale(const at::Tensor& rows)
      : mean(rows.mean(/*dim=*/0)),
        spread(rows.std(/*dim=*/0, /*unbiased=*/false).clamp_min(1e-6)) {}
  at::Tensor apply(const at::Tensor& rows) const { return (rows - mean) / spread; }
};

class Network {
 public:
  Network(int64_t n_inputs, int64_t n_hidden, int64_t n_outputs, at::Generator& random) {
    const auto drawn = [&](int64_t rows, int64_t columns) {  // as torch's Linear begins
      const double bound = 1 / std::sqrt(static_cast<double>(columns));
      return at::empty({rows, columns}, at::kFloat).uniform_(-bound, bound, random);
    };
    layer_.first = drawn(n_hidden, n_inputs);
    layer_.first_bias = at::zeros({n_hidden}, at::kFloat);
    layer_.second = drawn(n_outputs, n_hidden);
    layer_.second_bias = at::zeros({n_outputs}, at::kFloat);
    for (at::Tensor* parameter : parameters()) moments_.emplace_back(*parameter);
  }

  const SurrogateLayer& layer() const { return layer_; }
  std::vector<at::Tensor*> parameters() {
    return {&layer_.first, &layer_.first_bias, &layer_.second, &layer_.second_bias};
  }

  // One step on a batch -> its loss.
  double learn(const at::Tensor& x, const at::Tensor& y, const MlpRecipe& recipe, double rate) {
    const at::Tensor before = at::addmm(layer_.first_bias, x, layer_.first.t());  // [B, n_hidden]
    const at::Tensor active = at::gelu(before);
    const at::Tensor error = at::addmm(layer_.second_bias, active, layer_.second.t()) - y;
    const at::Tensor slope = error * (2.0 / static_cast<double>(error.numel()));
    const at::Tensor inner = at::gelu_backward(slope.mm(layer_.second), before);  // [B, n_hidden]
    std::vector<at::Tensor> gradients = {
        inner.t().mm(x), inner.sum(/*dim=*/0), slope.t().mm(active), slope.sum(/*dim=*/0)};
    clip(gradients, recipe.clip);
    ++steps_;
    const auto all = parameters();
    for (size_t i = 0; i < all.size(); ++i)
      moments_[i].step(*all[i], gradients[i], rate, recipe.weight_decay, steps_);
    return error.square().mean().item<double>();
  }

 private:
  static void clip(std::vector<at::Tensor>& gradients, double most) {
    double sum = 0;
    for (const auto& gradient : gradients) sum += gradient.square().sum().item<double>();
    const double norm = std::sqrt(sum);
    if (norm > most)
      for (auto& gradient : gradients) gradient.mul_(most / (norm + 1e-6));
  }

  SurrogateLayer layer_;
  std::vector<Moments> moments_;
  int64_t steps_ = 0;
};

SurrogateLayer copied(const SurrogateLayer& layer) {
  return {layer.first.clone(),
          layer.first_bias.clone(),
          layer.second.clone(),
          layer.second_bias.clone()};
}

// Of the scaled problem, so that it takes inputs and gives targets as they are.
SurrogateLayer unscaled(const SurrogateLayer& layer, const Scale& x, const Scale& y) {
  SurrogateLayer out;
  out.first = layer.first / x.spread;
  out.first_bias = layer.first_bias - out.first.matmul(x.mean);
  out.second = layer.second * y.spread.unsqueeze(1);
  out.second_bias = layer.second_bias * y.spread + y.mean;
  return out;
}

}  // namespace

MlpFit fit_mlp(const Pairs& pairs,
               const Pairs& held_out,
               const MlpRecipe& recipe,
               const std::function<void()>& stop) {
  at::Generator random = at::detail::createCPUGenerator(recipe.seed);
  const Scale scale_x(pairs.inputs), scale_y(pairs.targets);
  const at::Tensor x = scale_x.apply(pairs.inputs), y = scale_y.apply(pairs.targets);
  const at::Tensor held_x = scale_x.apply(held_out.inputs),
                   held_y = scale_y.apply(held_out.targets);
  Network network(x.size(1), recipe.n_hidden, y.size(1), random);
  MlpFit fit;
  double best = std::numeric_limits<double>::infinity();
  int64_t since_best = 0;
  for (int64_t epoch = 0; epoch < recipe.epochs && since_best < recipe.patience; ++epoch) {
    const double turn =
        std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(recipe.epochs);
    const double rate = recipe.learning_rate * (1 + std::cos(turn)) / 2;
    const at::Tensor order = at::randperm(x.size(0), random, at::kLong);
    double loss = 0;
    for (int64_t first = 0; first < x.size(0); first += recipe.batch) {
      if (stop) stop();
      const int64_t n = std::min(recipe.batch, x.size(0) - first);
      const at::Tensor rows = order.narrow(0, first, n);
      loss += static_cast<double>(n) *
              network.learn(x.index_select(0, rows), y.index_select(0, rows), recipe, rate);
    }
    const at::Tensor error = network.layer().predict(held_x) - held_y;
    fit.curve.push_back(
        {loss / static_cast<double>(x.size(0)), error.square().mean().item<double>()});
    ++since_best;
    if (fit.curve.back().validation_loss < best) {
      best = fit.curve.back().validation_loss;
      fit.layer = unscaled(copied(network.layer()), scale_x, scale_y);
      since_best = 0;
    }
  }
  return fit;
}

}  // namespace kvhost::train
