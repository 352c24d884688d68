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
    .attention_post_norm = nullptr,
    .mlp_norm = "post_attention_layernorm",
    .mlp_post_norm = nullptr,
    .q = "self_attn.q_proj",
    .k = "self_attn.k_proj",
    .v = "self_attn.v_proj",
    .qkv = nullptr,
    .qkv_rows = nullptr,
    .output = "self_attn.o_proj",
    .q_norm = nullptr,
    .k_norm = nullptr,
    .gate = "mlp.gate_proj",
    .up = "mlp.up_proj",
    .gate_up = nullptr,
    .down = "mlp.down_proj",
};

constexpr WeightNames with_qk_norm(WeightNames names) {
  names.q_norm = "self_attn.q_norm";
  names.k_norm = "self_attn.k_norm";
  return names;
}

constexpr WeightNames with_post_norms(WeightNames names) {
  names.attention_post_norm = "post_attention_layernorm";
  names.mlp_norm = "pre_feedforward_layernorm";
  names.mlp_post_norm = "post_feedforward_layernorm";
  return names;
}

constexpr WeightNames without_pre_norms(WeightNames names) {
  names.attention_norm = names.mlp_norm = nullptr;
  return names;
}

constexpr WeightNames with_fused_rows(WeightNames names) {
  names.q = names.k = names.v = names.gate = names.up = nullptr;
  names.qkv_rows = "self_attn.qkv_proj";
  names.gate_up = "mlp.gate_up_proj";
  return names;
}

constexpr WeightNames kNeoxNames = {
    .embedding = "gpt_neox.embed_in",
    .final_norm = "gpt_neox.final_layer_norm",
    .lm_head = "embed_out",
    .layer = "gpt_neox.layers.#.",
    .attention_norm = "input_layernorm",
    .attention_post_norm = nullptr,
    .mlp_norm = "post_attention_layernorm",
    .mlp_post_norm = nullptr,
    .q = nullptr,
    .k = nullptr,
    .v = nullptr,
    .qkv = "attention.query_key_value",
    .qkv_rows = nullptr,
    .output = "attention.dense",
    .q_norm = nullptr,
    .k_norm = nullptr,
    .gate = nullptr,
    .up = "mlp.dense_h_to_4h",
    .gate_up = nullptr,
    .down = "mlp.dense_4h_to_h",
};

// What llama is; the others of its kind differ in a few fields.
constexpr Family kLlama = {
    .model_type = "llama",
    .names = kLlamaNames,
    .defaults = R"({"max_position_embeddings": 2048})",
    .norm = NormKind::Rms,
    .norm_eps_key = "rms_norm_eps",
    .norm_adds_one = false,
    .activation_key = "hidden_act",
    .gated_mlp = true,
    .qk_norm = QkNorm::None,
    .parallel_residual_key = nullptr,
    .sliding = Sliding::Never,
    .input_bias = Bias::AsConfigured,
    .output_bias = Bias::AsConfigured,
    .mlp_bias = Bias::AsConfigured,
    .rope_theta_key = "rope_theta",
    .rotary_share_key = nullptr,
    .sinks = false,
    .embedding_times_root_width = false,
};

constexpr Family without_biases(Family family) {
  family.input_bias = family.output_bias = family.mlp_bias = Bias::Never;
  return family;
}

constexpr Family mistral() {
  Family family = without_biases(kLlama);
  family.model_type = "mistral";
  family.defaults = R"({"max_position_embeddings": 131072, "sliding_window": 4096})";
  family.sliding = Sliding::All;
  return family;
}

constexpr Family ministral() {
  Family family = mistral();
  family.model_type = "ministral";
  family.sliding = Sliding::ByType;
  return family;
}

constexpr Family ministral3() {
  Family family = mistral();
  family.model_type = "ministral3";
  family.defaults = R"({"max_position_embeddings": 262144, "rms_norm_eps": 1e-5, "head_dim": 128,
    "rope_parameters": {
      "rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0,
      "original_max_position_embeddings": 16384, "mscale": 1.0, "mscale_all_dim": 1.0,
      "llama_4_scaling_beta": 0.1}})";
  return family;
}

constexpr Family qwen2() {
  Family family = kLlama;
  family.model_type = "qwen2";
  family.defaults =
      R"({"max_position_embeddings": 32768, "sliding_window": 4096, "max_window_layers": 28})";
  family.sliding = Sliding::WhenAsked;
  family.input_bias = Bias::Always;
  family.output_bias = family.mlp_bias = Bias::Never;
  return family;
}

constexpr Family qwen3() {
  Family family = kLlama;
  family.model_type = "qwen3";
  family.defaults = R"({"max_position_embeddings": 32768, "sliding_window": 4096,
    "max_window_layers": 28, "head_dim": 128})";
  family.sliding = Sliding::WhenAsked;
  family.names = with_qk_norm(kLlamaNames);
  family.qk_norm = QkNorm::Heads;
  family.mlp_bias = Bias::Never;
  return family;
}

// What is theirs alone of a mixture of experts is in experts_config.cpp.
constexpr Family qwen2_moe() {
  Family family = qwen2();
  family.model_type = "qwen2_moe";
  family.defaults = R"({"max_position_embeddings": 32768, "sliding_window": 4096,
    "max_window_layers": 28, "intermediate_size": 5632, "qkv_bias": true})";
  family.input_bias = Bias::AsConfigured;
  family.sliding = Sliding::EvenWhenAsked;
  return family;
}

constexpr Family qwen3_moe() {
  Family family = qwen3();
  family.model_type = "qwen3_moe";
  family.defaults = R"({"max_position_embeddings": 32768, "sliding_window": 4096,
    "intermediate_size": 6144})";
  family.sliding = Sliding::AllWhenAsked;
  return family;
}

constexpr Family mixtral() {
  Family family = mistral();
  family.model_type = "mixtral";
  family.defaults = R"({"max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
    "intermediate_size": 14336, "sliding_window": null})";
  return family;
}

constexpr Family gpt_oss() {
  Family family = kLlama;
  family.model_type = "gpt_oss";
  family.defaults = R"({"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "head_dim": 64,
    "intermediate_size": 2880, "sliding_window": 128, "sliding_window_pattern": 2,
    "rope_theta": 150000.0, "rope_parameters": {"rope_type": "yarn", "factor": 32.0,
      "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false,
      "original_max_position_embeddings": 4096}})";
  family.sliding = Sliding::ByType;
  family.input_bias = family.output_bias = Bias::Always;
  family.mlp_bias = Bias::Never;
  family.sinks = true;
  return family;
}

constexpr Family gpt_neox() {
  Family family = kLlama;
  family.model_type = "gpt_neox";
  family.names = kNeoxNames;
  family.defaults = R"({"max_position_embeddings": 2048, "layer_norm_eps": 1e-5,
    "hidden_act": "gelu", "use_parallel_residual": true, "attention_bias": true,
    "rotary_pct": 0.25})";
  family.norm = NormKind::Layer;
  family.norm_eps_key = "layer_norm_eps";
  family.gated_mlp = false;
  family.parallel_residual_key = "use_parallel_residual";
  family.mlp_bias = Bias::Always;
  family.rope_theta_key = "rotary_emb_base";
  family.rotary_share_key = "rotary_pct";
  return family;
}

constexpr Family gemma() {
  Family family = kLlama;
  family.model_type = "gemma";
  family.defaults = R"({"max_position_embeddings": 8192, "head_dim": 256,
    "hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": true})";
  family.norm_adds_one = true;
  family.mlp_bias = Bias::Never;
  family.embedding_times_root_width = true;
  return family;
}

constexpr Family gemma2() {
  Family family = gemma();
  family.model_type = "gemma2";
  family.names = with_post_norms(kLlamaNames);
  family.defaults = R"({"max_position_embeddings": 8192, "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": true,
    "query_pre_attn_scalar": 256, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
    "sliding_window": 4096, "sliding_window_pattern": 2})";
  family.activation_key = "hidden_activation";
  family.sliding = Sliding::ByType;
  return family;
}

constexpr Family gemma3() {
  Family family = gemma2();
  family.model_type = "gemma3_text";
  family.names = with_qk_norm(family.names);
  // The configs of the models that see name few of their sizes.
  family.defaults = R"({"vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4,
    "max_position_embeddings": 131072, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
    "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "final_logit_softcapping": null,
    "sliding_window": 4096, "sliding_window_pattern": 6, "rope_theta": 1000000.0,
    "rope_local_base_freq": 10000.0})";
  family.qk_norm = QkNorm::Heads;
  return family;
}

constexpr Family phi3() {
  Family family = without_biases(kLlama);
  family.model_type = "phi3";
  family.names = with_fused_rows(kLlamaNames);
  family.defaults = R"({"max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
    "original_max_position_embeddings": 4096})";
  family.sliding = Sliding::All;
  return family;
}

constexpr Family smollm3() {
  Family family = kLlama;
  family.model_type = "smollm3";
  family.defaults = R"({"max_position_embeddings": 32768, "tie_word_embeddings": true,
    "rope_theta": 2000000.0, "no_rope_layers": null, "no_rope_layer_interval": 4})";
  family.sliding = Sliding::WhenAsked;
  return family;
}

constexpr Family olmo2() {
  Family family = kLlama;
  family.model_type = "olmo2";
  family.names = with_qk_norm(without_pre_norms(with_post_norms(kLlamaNames)));
  family.defaults = R"({"max_position_embeddings": 2048, "rms_norm_eps": 1e-5})";
  family.qk_norm = QkNorm::Projections;
  family.mlp_bias = Bias::Never;
  return family;
}

constexpr Family granite() {
  Family family = kLlama;
  family.model_type = "granite";
  family.defaults = R"({"max_position_embeddings": 2048, "embedding_multiplier": 1.0,
    "residual_multiplier": 1.0, "attention_multiplier": 1.0, "logits_scaling": 1.0})";
  return family;
}

constexpr Family kFamilies[] = {gemma(),   gemma2(), gemma3(),    gpt_neox(),   gpt_oss(),
                                granite(), kLlama,   ministral(), ministral3(), mistral(),
                                mixtral(), olmo2(),  phi3(),      qwen2(),      qwen2_moe(),
                                qwen3(),   qwen3_moe(), smollm3()};

constexpr Wrapper kWrappers[] = {{"gemma3", "gemma3_text"}, {"mistral3", "mistral"}};

}  // namespace

std::span<const Family> families() { return kFamilies; }

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& family : kFamilies) names.emplace_back(family.model_type);
  for (const auto& wrapper : kWrappers) names.emplace_back(wrapper.model_type);
  return names;
}

const Family* find_family(const std::string& model_type) {
  for (const auto& family : kFamilies)
    if (model_type == family.model_type) return &family;
  return nullptr;
}

const Wrapper* find_wrapper(const std::string& model_type) {
  for (const auto& wrapper : kWrappers)
    if (model_type == wrapper.model_type) return &wrapper;
  return nullptr;
}

bool is_harmless_extra(const std::string& tensor) {
  for (const char* ending : {"rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"})
    if (tensor.ends_with(ending)) return true;
  return false;
}

}  // namespace kvhost
