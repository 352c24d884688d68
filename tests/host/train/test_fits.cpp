// SPDX-License-Identifier: Apache-2.0
// The fits on problems whose answer is known.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "temp_folder.hpp"
#include "train/fit_linear.hpp"
#include "train/fit_mlp.hpp"
#include "train/fitness.hpp"
#include "train/surrogate_file.hpp"

using namespace kvhost::train;

namespace {

at::Tensor drawn(at::IntArrayRef sizes, uint64_t seed) {
  at::Generator random = at::detail::createCPUGenerator(seed);
  return at::empty(sizes, at::kFloat).normal_(0, 1, random);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

}  // namespace

TEST_CASE("ridge regression finds the line that made the data, and shrinks with alpha") {
  const at::Tensor x = drawn({3000, 7}, 1) + 2, w = drawn({7, 3}, 2), b = drawn({3}, 3);
  const Pairs pairs{x, x.matmul(w) + b};
  const SurrogateLayer fit = fit_linear(pairs, /*alpha=*/1e-6);
  CHECK(largest(fit.first - w.t()) < 1e-4);
  CHECK(largest(fit.first_bias - b) < 1e-3);
  CHECK(fitness(fit.predict(x), pairs.targets).r2 > 0.999999);
  // One input of spread s, alpha = n s^2: the slope is halved, the mean stays.
  const at::Tensor one = drawn({500, 1}, 4) + 1;
  const double sum = (one - one.mean()).square().sum().item<double>();
  const SurrogateLayer half = fit_linear({one, 3 * one}, sum);
  CHECK(half.first.item<double>() == Approx(1.5).epsilon(1e-4));
  CHECK(half.predict(one).mean().item<double>() ==
        Approx((3 * one.mean()).item<double>()).epsilon(1e-4));
}

TEST_CASE("a network learns what no line can, ends early, and is the same for the same seed") {
  const at::Tensor x = drawn({6000, 4}, 5);
  const at::Tensor product = x.narrow(1, 0, 1) * x.narrow(1, 1, 1);
  const at::Tensor y = at::cat({product, x.narrow(1, 2, 1).abs() * 5 + 20}, /*dim=*/1);
  const Pairs learned{x.narrow(0, 0, 5000), y.narrow(0, 0, 5000)};
  const Pairs held_out{x.narrow(0, 5000, 1000), y.narrow(0, 5000, 1000)};
  MlpRecipe recipe;
  recipe.n_hidden = 48;
  recipe.seed = 9;
  const MlpFit fit = fit_mlp(learned, held_out, recipe);
  const Fitness got = fitness(fit.layer.predict(held_out.inputs), held_out.targets);
  CHECK(got.r2 > 0.9);
  CHECK(got.spearman > 0.9);
  CHECK(fitness(fit_linear(learned, 1).predict(held_out.inputs), held_out.targets).r2 < 0.3);
  CHECK(fit.curve.back().train_loss < 0.2 * fit.curve.front().train_loss);
  CHECK(at::equal(fit_mlp(learned, held_out, recipe).layer.first, fit.layer.first));
  recipe.seed = 10;
  CHECK_FALSE(at::equal(fit_mlp(learned, held_out, recipe).layer.first, fit.layer.first));
  // Noise: what is learned of it only makes the held-out part worse.
  recipe.epochs = 60;
  const Pairs noise{x.narrow(0, 0, 300), drawn({300, 2}, 6)};
  CHECK(fit_mlp(noise, {held_out.inputs, drawn({1000, 2}, 7)}, recipe).curve.size() < 60);
}

TEST_CASE("fitness is 1 for the truth, 0 for its mean, and ranks count by their order alone") {
  const at::Tensor y = drawn({200, 2}, 8);
  CHECK(fitness(y, y).r2 == Approx(1));
  CHECK(fitness(y.exp(), y).spearman == Approx(1));
  CHECK(fitness(-y, y).spearman == Approx(-1));
  CHECK(fitness(y.mean(0, true).expand_as(y), y).r2 == Approx(0).margin(1e-6));
}

TEST_CASE("parameters of a surrogate are counted as published ones are") {
  const kvhost::test::TempFolder folder;
  const auto file = folder / "surrogate.safetensors";
  Surrogate linear;  // of Llama-3.1-8B: 4096 -> 8, 32 layers
  for (int l = 0; l < 32; ++l)
    linear.layers.push_back({at::zeros({8, 4096}), at::zeros({8}), {}, {}});
  write_surrogate(file, linear, {{"model_hash", "none"}});
  const auto facts = surrogate_facts(file);
  REQUIRE(facts);
  CHECK(facts->type == SurrogateType::Linear);
  CHECK(facts->n_layers == 32);
  CHECK(facts->n_parameters == 1'048'576 + 256);
  CHECK(facts->flops_per_token == 2 * 1'048'576);
  CHECK(facts->metadata.at("model_hash") == "none");
  Surrogate mlp;
  mlp.type = SurrogateType::Mlp;
  for (int l = 0; l < 3; ++l)
    mlp.layers.push_back({at::zeros({8, 64}), at::zeros({8}), at::zeros({2, 8}), at::zeros({2})});
  write_surrogate(file, mlp, {});
  const auto other = surrogate_facts(file);
  REQUIRE(other);
  CHECK(other->type == SurrogateType::Mlp);
  CHECK(other->n_layers == 3);
  CHECK(other->n_hidden == 8);
  CHECK(other->n_outputs == 2);
  CHECK(other->n_parameters == 3 * (64 * 8 + 8 + 8 * 2 + 2));
}
