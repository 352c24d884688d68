// SPDX-License-Identifier: Apache-2.0
// Mixtures of experts: who is chosen, that nobody else is read, and how checkpoints keep them. What
// they compute is compared with transformers in test_golden.cpp.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <set>

#include "altered_checkpoint.hpp"
#include "decoder_fixture.hpp"
#include "model/experts.hpp"
#include "model/reference_experts.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

at::Tensor plain_linear(const Linear& layer, const at::Tensor& x) {
  const at::Tensor out = at::matmul(x, layer.weight.numbers(DType::Float32).t());
  return layer.bias.defined() ? out + layer.bias : out;
}

// The mixture with numbers in the chosen experts alone.
ExpertWeights without_others(const ExpertWeights& weights, const ExpertChoice& choice) {
  ExpertWeights out = weights;
  const std::set<int32_t> chosen(choice.experts.begin(), choice.experts.end());
  for (size_t e = 0; e < out.experts.size(); ++e)
    if (!chosen.count(static_cast<int32_t>(e))) out.experts[e] = {};
  return out;
}

std::string with_key(const std::string& model, const std::string& key, const nlohmann::json& value) {
  AlteredCheckpoint altered(model);
  altered.config[key] = value;
  return altered.refusal();
}

}  // namespace

TEST_CASE("experts that no token chose are not read") {
  const OneThread quick;
  for (const std::string name : {"qwen2_moe", "qwen3_moe", "mixtral", "gpt_oss", "gpt_oss_mxfp4"}) {
    const auto weights = Weights::load(model_dir(name), DType::Float32);
    const ModelConfig& config = weights->config();
    const ExpertWeights& experts = weights->tensors().layers.back().experts;
    REQUIRE(experts.experts.size() == static_cast<size_t>(config.experts.n_experts));
    int64_t n_left_out = 0;
    for (const int64_t n : {1, 2, 30}) {
      INFO(name << ", " << n << " tokens");
      const at::Tensor x = at::sin(at::arange(n * config.hidden_size, at::kFloat) * 1.7)
                               .reshape({n, config.hidden_size});
      const at::Tensor logits = plain_linear(experts.router, x);
      const ExpertChoice choice = choose_experts(config.experts, logits.contiguous());
      const ExpertWeights some = without_others(experts, choice);
      for (const auto& expert : some.experts) n_left_out += expert.gate.weight.defined() ? 0 : 1;
      const at::Tensor expected = reference_experts(config, experts, x, plain_linear);
      const at::Tensor found = apply_experts(config, DType::Float32, some, x);
      CHECK(max_difference(found, expected) <= tolerance(expected));
    }
    CHECK(n_left_out > 0);
  }
}

TEST_CASE("the experts with the largest logits are chosen, of equal ones the first") {
  ExpertsConfig config;
  config.n_experts = 5;
  config.n_chosen = 2;
  const at::Tensor logits = at::tensor({1.0f, 3.0f, 0.0f, 3.0f, 3.0f,  //
                                        2.0f, -1.0f, 0.5f, 0.0f, 1.0f})
                                .reshape({2, 5});
  for (const bool of_chosen : {false, true}) {
    config.shares_sum_to_1 = of_chosen;
    const ExpertChoice choice = choose_experts(config, logits);
    CHECK(choice.experts == std::vector<int32_t>{1, 3, 0, 4});
    const double both = std::exp(2.0) + std::exp(1.0);
    const double all = both + std::exp(-1.0) + std::exp(0.5) + 1;
    CHECK(choice.shares[2] == Approx(std::exp(2.0) / (of_chosen ? both : all)));
    CHECK(choice.shares[3] == Approx(std::exp(1.0) / (of_chosen ? both : all)));
  }
}

TEST_CASE("all experts in one tensor are the experts one by one") {
  const OneThread quick;
  AlteredCheckpoint apart("mixtral"), fused("mixtral");
  const auto take = [&](const std::string& name) {
    const auto entry = fused.tensors.at(name);
    fused.tensors.erase(name);
    return entry.bytes;
  };
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    const std::string old = layer + "block_sparse_moe.experts.";
    auto both = fused.tensors.at(old + "0.w1.weight"), down = fused.tensors.at(old + "0.w2.weight");
    const int64_t width = both.shape[0], hidden = both.shape[1];
    both.bytes = down.bytes = "";
    for (int e = 0; e < 4; ++e) {
      const std::string expert = old + std::to_string(e);
      both.bytes += take(expert + ".w1.weight");
      both.bytes += take(expert + ".w3.weight");
      down.bytes += take(expert + ".w2.weight");
    }
    both.shape = {4, 2 * width, hidden};
    down.shape = {4, hidden, width};
    fused.tensors[layer + "mlp.experts.gate_up_proj"] = both;
    fused.tensors[layer + "mlp.experts.down_proj"] = down;
    fused.rename(layer + "block_sparse_moe.gate.weight", layer + "mlp.gate.weight");
  }
  CHECK(at::equal(fused.logits(), apart.logits()));

  auto& entry = fused.tensors.at("model.layers.1.mlp.experts.down_proj");
  std::swap(entry.shape[1], entry.shape[2]);
  CHECK_THAT(fused.refusal(),
             Catch::Contains("'model.layers.1.mlp.experts.down_proj' has shape [4, 24, 32]; "
                             "expected [4, 32, 24]"));
}

TEST_CASE("damaged mixtures of experts are refused by name") {
  CHECK_THAT(with_key("mixtral", "num_local_experts", 5), Catch::Contains("experts.4.w1.weight"));
  CHECK_THAT(with_key("mixtral", "num_local_experts", 0), Catch::Contains("'num_local_experts'"));
  CHECK_THAT(with_key("mixtral", "num_experts_per_tok", 9),
             Catch::Contains("'num_experts_per_tok' is 9; expected at most 4"));
  CHECK_THAT(with_key("qwen3_moe", "mlp_only_layers", "1"), Catch::Contains("'mlp_only_layers'"));
  CHECK_THAT(with_key("gpt_oss", "intermediate_size", 20),
             Catch::Contains("expected [4, 20, 32]"));
  AlteredCheckpoint scales("gpt_oss_mxfp4");
  scales.tensors.erase("model.layers.0.mlp.experts.down_proj_scales");
  CHECK_THAT(scales.refusal(), Catch::Contains("'model.layers.0.mlp.experts.down_proj_blocks'"));
  AlteredCheckpoint sinks("gpt_oss");
  sinks.tensors.erase("model.layers.1.self_attn.sinks");
  CHECK_THAT(sinks.refusal(), Catch::Contains("model.layers.1.self_attn.sinks"));
}
