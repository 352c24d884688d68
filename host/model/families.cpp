// SPDX-License-Identifier: Apache-2.0
#include "model/families.hpp"

namespace kvhost {

namespace {

constexpr WeightNames kLlamaNames = {
    .embedding = "model.embed_tokens",
    .final_norm = "model.norm",
    .lm_head = "lm_head",
    .layer = "model.layers.#.",
    .attention_norm = "input_layernorm",
    .mlp_norm = "post_attention_layernorm",
    .q = "self_attn.q_proj",
    .k = "self_attn.k_proj",
    .v = "self_attn.v_proj",
    .qkv = nullptr,
    .output = "self_attn.o_proj",
    .q_norm = nullptr,
    .k_norm = nullptr,
    .gate = "mlp.gate_proj",
    .up = "mlp.up_proj",
    .down = "mlp.down_proj",
};

constexpr WeightNames with_qk_norm(WeightNames names) {
  names.q_norm = "self_attn.q_norm";
  names.k_norm = "self_attn.k_norm";
  return names;
}

constexpr WeightNames kNeoxNames = {
    .embedding = "gpt_neox.embed_in",
    .final_norm = "gpt_neox.final_layer_norm",
    .lm_head = "embed_out",
    .layer = "gpt_neox.layers.#.",
    .attention_norm = "input_layernorm",
    .mlp_norm = "post_attention_layernorm",
    .q = nullptr,
    .k = nullptr,
    .v = nullptr,
    .qkv = "attention.query_key_value",
    .output = "attention.dense",
    .q_norm = nullptr,
    .k_norm = nullptr,
    .gate = nullptr,
    .up = "mlp.dense_h_to_4h",
    .down = "mlp.dense_4h_to_h",
};

// What llama is; the others of its kind differ in a few fields.
constexpr Family kLlama = {
    .model_type = "llama",
    .names = kLlamaNames,
    .norm = NormKind::Rms,
    .norm_eps_key = "rms_norm_eps",
    .norm_eps = 1e-6,
    .activation = "silu",
    .gated_mlp = true,
    .qk_norm = false,
    .parallel_residual_key = nullptr,
    .parallel_residual = false,
    .sliding = Sliding::Never,
    .input_bias = Bias::AsConfigured,
    .output_bias = Bias::AsConfigured,
    .attention_bias = false,
    .mlp_bias = Bias::AsConfigured,
    .kv_heads_required = false,
    .head_dim = 0,
    .max_positions = 2048,
    .rope_theta_key = "rope_theta",
    .rotary_share_key = nullptr,
    .rotary_share = 1,
};

constexpr Family mistral() {
  Family family = kLlama;
  family.model_type = "mistral";
  family.sliding = Sliding::All;
  family.input_bias = family.output_bias = family.mlp_bias = Bias::Never;
  family.kv_heads_required = true;
  family.max_positions = 131072;
  return family;
}

constexpr Family qwen2() {
  Family family = kLlama;
  family.model_type = "qwen2";
  family.sliding = Sliding::WhenAsked;
  family.input_bias = Bias::Always;
  family.output_bias = family.mlp_bias = Bias::Never;
  family.kv_heads_required = true;
  family.max_positions = 32768;
  return family;
}

constexpr Family qwen3() {
  Family family = kLlama;
  family.model_type = "qwen3";
  family.sliding = Sliding::WhenAsked;
  family.names = with_qk_norm(kLlamaNames);
  family.qk_norm = true;
  family.mlp_bias = Bias::Never;
  family.kv_heads_required = true;
  family.head_dim = 128;
  family.max_positions = 32768;
  return family;
}

constexpr Family gpt_neox() {
  Family family = kLlama;
  family.model_type = "gpt_neox";
  family.names = kNeoxNames;
  family.norm = NormKind::Layer;
  family.norm_eps_key = "layer_norm_eps";
  family.norm_eps = 1e-5;
  family.activation = "gelu";
  family.gated_mlp = false;
  family.parallel_residual_key = "use_parallel_residual";
  family.parallel_residual = true;
  family.attention_bias = true;
  family.mlp_bias = Bias::Always;
  family.rope_theta_key = "rotary_emb_base";
  family.rotary_share_key = "rotary_pct";
  family.rotary_share = 0.25;
  return family;
}

constexpr Family kFamilies[] = {gpt_neox(), kLlama, mistral(), qwen2(), qwen3()};

}  // namespace

std::span<const Family> families() { return kFamilies; }

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& family : kFamilies) names.emplace_back(family.model_type);
  return names;
}

const Family* find_family(const std::string& model_type) {
  for (const auto& family : kFamilies)
    if (model_type == family.model_type) return &family;
  return nullptr;
}

bool is_harmless_extra(const std::string& tensor) {
  for (const char* ending : {"rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"})
    if (tensor.ends_with(ending)) return true;
  return false;
}

}  // namespace kvhost
