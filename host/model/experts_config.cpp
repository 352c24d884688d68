// SPDX-License-Identifier: Apache-2.0
#include "model/experts_config.hpp"

#include <algorithm>

#include "model/config_limits.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

namespace {

constexpr ExpertFamily kQwen2Moe = {
    .model_type = "qwen2_moe",
    .router = "mlp.gate",
    .expert = "mlp.experts.#.",
    .gate = "gate_proj",
    .up = "up_proj",
    .down = "down_proj",
    .shared = "mlp.shared_expert.",
    .shared_gate = "mlp.shared_expert_gate",
    .width_key = "moe_intermediate_size",
    .n_experts = 60,
    .n_chosen = 4,
    .width = 1408,
    .shared_width = 5632,
    .shares_sum_to_1 = false,
    .sparse_step = true,
    .biases = false,
    .clamp = 0,
};

constexpr ExpertFamily qwen3_moe_experts() {
  ExpertFamily family = kQwen2Moe;
  family.model_type = "qwen3_moe";
  family.shared = family.shared_gate = nullptr;
  family.n_experts = 128;
  family.n_chosen = 8;
  family.width = 768;
  family.shared_width = 0;
  return family;
}

constexpr ExpertFamily mixtral_experts() {
  ExpertFamily family = qwen3_moe_experts();
  family.model_type = "mixtral";
  family.router = "block_sparse_moe.gate";
  family.expert = "block_sparse_moe.experts.#.";
  family.gate = "w1";
  family.up = "w3";
  family.down = "w2";
  family.width_key = "intermediate_size";
  family.n_experts = 8;
  family.n_chosen = 2;
  family.width = 14336;
  family.shares_sum_to_1 = true;
  family.sparse_step = false;
  return family;
}

// The softmax over the chosen experts' logits is that over all, divided by the chosen ones' sum.
constexpr ExpertFamily gpt_oss_experts() {
  ExpertFamily family = qwen3_moe_experts();
  family.model_type = "gpt_oss";
  family.router = "mlp.router";
  family.width_key = "intermediate_size";
  family.n_chosen = 4;
  family.width = 2880;
  family.shares_sum_to_1 = true;
  family.sparse_step = false;
  family.biases = true;
  family.clamp = 7;
  return family;
}

constexpr ExpertFamily kExpertFamilies[] = {gpt_oss_experts(), mixtral_experts(), kQwen2Moe, qwen3_moe_experts()};

std::vector<bool> read_layers(const ExpertFamily& family,
                              const JsonFields& fields,
                              int64_t n_layers) {
  std::vector<bool> in_layer(static_cast<size_t>(n_layers), true);
  if (!family.sparse_step) return in_layer;
  const int64_t step = fields.integer_or("decoder_sparse_step", 1, n_layers + 1, 1);
  for (int64_t layer = 0; layer < n_layers; ++layer)
    in_layer[static_cast<size_t>(layer)] = (layer + 1) % step == 0;
  for (const int64_t layer : fields.integers("mlp_only_layers", "a list of layers' numbers"))
    if (layer >= 0 && layer < n_layers) in_layer[static_cast<size_t>(layer)] = false;
  return in_layer;
}

}  // namespace

const ExpertFamily* find_expert_family(const std::string& model_type) {
  for (const auto& family : kExpertFamilies)
    if (model_type == family.model_type) return &family;
  return nullptr;
}

ExpertsConfig read_experts(const ExpertFamily& family, const JsonFields& fields, int64_t n_layers) {
  ExpertsConfig out;
  // transformers 5 writes the second of these where older ones wrote the first.
  const char* count_key = fields.has("num_experts") ? "num_experts" : "num_local_experts";
  out.n_experts = fields.integer_or(count_key, 0, kMostExperts, family.n_experts);
  if (out.n_experts == 0) {
    if (!family.sparse_step) fields.refuse(count_key, "at least 1 in this family");
    return out;
  }
  const char* chosen_key = "num_experts_per_tok";
  out.n_chosen = fields.integer_or(chosen_key, 1, kMostExperts, family.n_chosen);
  if (out.n_chosen > out.n_experts)
    fields.refuse(chosen_key, "at most " + std::to_string(out.n_experts) + ", all experts");
  out.width = fields.integer_or(family.width_key, 1, kMostWidth, family.width);
  if (family.shared)
    out.shared_width =
        fields.integer_or("shared_expert_intermediate_size", 1, kMostWidth, family.shared_width);
  out.shares_sum_to_1 = family.shares_sum_to_1;
  if (family.sparse_step)
    out.shares_sum_to_1 = fields.flag_or("norm_topk_prob", family.shares_sum_to_1);
  out.biases = family.biases;
  if (family.clamp > 0) out.clamp = fields.positive_or("swiglu_limit", family.clamp);
  out.in_layer = read_layers(family, fields, n_layers);
  return out;
}

}  // namespace kvhost
