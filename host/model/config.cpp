// SPDX-License-Identifier: Apache-2.0
#include "model/config.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "kernels/element_math.hpp"
#include "kernels/narrow.hpp"
#include "model/config_limits.hpp"
#include "model/families.hpp"
#include "model/family_config.hpp"
#include "model/gguf_config.hpp"
#include "model/json_fields.hpp"
#include "model/layer_kinds.hpp"
#include "model/rope_config.hpp"
#include "model/stored_dtype.hpp"

namespace kvhost {

namespace {

const Family& read_family(const JsonFields& fields) {
  const std::string names = "one of " + join(family_names(), ", ");
  if (!fields.has("model_type"))
    fields.refuse("model_type",
                  names + "; the config.json that comes with a model's weights names its family");
  const std::string name = fields.text_or("model_type", "");
  if (const Family* family = find_family(name)) return *family;
  fields.refuse("model_type", names + did_you_mean(name, family_names()));
}

void read_sizes(const Family& family, const JsonFields& fields, ModelConfig& config) {
  config.hidden_size = fields.integer("hidden_size", 1, kMostWidth);
  config.n_layers = fields.integer("num_hidden_layers", 1, kMostLayers);
  config.n_heads = fields.integer("num_attention_heads", 1, kMostHeads);
  config.intermediate_size = fields.integer("intermediate_size", 1, kMostWidth);
  config.vocab_size = fields.integer("vocab_size", 1, kMostVocab);
  config.max_positions = fields.integer("max_position_embeddings", 1, kMostPositions);
  config.n_kv_heads = fields.integer_or("num_key_value_heads", 1, kMostHeads, config.n_heads);
  if (config.n_heads % config.n_kv_heads != 0)
    fields.refuse("num_key_value_heads",
                  "a divisor of num_attention_heads (" + std::to_string(config.n_heads) + ")");
  if (family.names.qkv && config.n_kv_heads != config.n_heads)
    fields.refuse("num_key_value_heads", "num_attention_heads in this family");

  if (fields.has("head_dim")) {
    config.head_dim = fields.integer("head_dim", 2, kMostHeadDim);
  } else {
    if (config.hidden_size % config.n_heads != 0)
      fields.refuse("num_attention_heads",
                    "a divisor of hidden_size (" + std::to_string(config.hidden_size) + ")");
    config.head_dim = config.hidden_size / config.n_heads;
  }
  if (config.head_dim % 2 != 0)
    fields.refuse("head_dim", "an even number (" + std::to_string(config.head_dim) + " is odd)");
}

Activation read_activation(const Family& family, const JsonFields& fields) {
  const std::string name = fields.text_or(family.activation_key, "silu");
  if (name == "silu" || name == "swish") return Activation::Silu;
  if (name == "gelu" || name == "gelu_python") return Activation::Gelu;
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh")
    return Activation::GeluTanh;
  fields.refuse(family.activation_key,
                "silu, swish, gelu, gelu_python, gelu_new, gelu_fast or gelu_pytorch_tanh");
}

bool has_bias(Bias bias, bool configured) {
  return bias == Bias::Always || (bias == Bias::AsConfigured && configured);
}

void read_switches(const Family& family, const JsonFields& fields, ModelConfig& config) {
  config.norm = family.norm;
  config.norm_eps = fields.positive_or(family.norm_eps_key, 1e-6);
  config.norm_adds_one = family.norm_adds_one;
  config.activation = read_activation(family, fields);
  config.gated_mlp = family.gated_mlp;
  config.qk_norm = family.qk_norm;
  config.tied_embeddings = fields.flag_or("tie_word_embeddings", false);
  const bool attention_bias = fields.flag_or("attention_bias", false);
  config.attention_bias =
      has_bias(family.input_bias, fields.flag_or("qkv_bias", attention_bias));
  config.output_bias = has_bias(family.output_bias, attention_bias);
  config.mlp_bias = has_bias(family.mlp_bias, fields.flag_or("mlp_bias", false));
  if (family.parallel_residual_key)
    config.parallel_residual = fields.flag_or(family.parallel_residual_key, true);
  if (fields.flag_or("use_bidirectional_attention", false))
    fields.refuse("use_bidirectional_attention", "false: each token sees those before it alone");
}

// Factors and bounds on what flows through the model.
void read_scales(const Family& family, const JsonFields& fields, ModelConfig& config) {
  config.embedding_scale = fields.positive_or("embedding_multiplier", 1);
  if (family.embedding_times_root_width) {
    config.embedding_scale = std::sqrt(static_cast<double>(config.hidden_size));
    config.embedding_scale_in_dtype = true;
  }
  config.residual_scale = fields.positive_or("residual_multiplier", 1);
  config.logit_divisor = fields.positive_or("logits_scaling", 1);
  config.attention_scale = fields.positive_or("attention_multiplier", 0);
  if (fields.has("query_pre_attn_scalar"))
    config.attention_scale = 1 / std::sqrt(fields.positive("query_pre_attn_scalar"));
  config.attention_sinks = family.sinks;
  config.attention_softcap = fields.positive_or("attn_logit_softcapping", 0);
  config.logit_softcap = fields.positive_or("final_logit_softcapping", 0);
}

// None where config.json leaves it to the checkpoint.
std::optional<DType> read_dtype(const JsonFields& fields) {
  const std::string key = fields.has("dtype") ? "dtype" : "torch_dtype";
  std::string name = fields.text_or(key, "auto");
  if (name == "auto") return std::nullopt;
  if (name.starts_with("torch.")) name.erase(0, std::string("torch.").size());
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    if (name == dtype_name(dtype)) return dtype;
  fields.refuse(key, "float32, bfloat16, float16 or auto");
}

void read_special_tokens(const JsonFields& fields, ModelConfig& config) {
  config.eos_token_ids = fields.token_ids("eos_token_id");
  const auto bos = fields.token_ids("bos_token_id");
  config.bos_token_id = bos.empty() ? -1 : bos.front();
}

void read_generation_config(const std::filesystem::path& file, ModelConfig& config) {
  if (!std::filesystem::exists(file)) return;
  const auto json = read_json(file, ExitCode::CannotLoad);
  const JsonFields generation(file, json);
  if (generation.has("eos_token_id")) config.eos_token_ids = generation.token_ids("eos_token_id");
  if (config.bos_token_id < 0 && generation.has("bos_token_id")) {
    const auto ids = generation.token_ids("bos_token_id");
    if (!ids.empty()) config.bos_token_id = ids.front();
  }
}

// `file` and `names` are what messages name.
ModelConfig config_of(const std::filesystem::path& file,
                      const nlohmann::json& written,
                      const std::shared_ptr<const KeyNames>& names = nullptr) {
  const std::string prefix = is_wrapped(JsonFields(file, written)) ? "text_config." : "";
  const nlohmann::json text = text_part(file, written);
  const Family& family = read_family(JsonFields(file, text, prefix));
  const nlohmann::json json = with_defaults(family, text);
  const JsonFields fields(file, json, prefix, names);

  ModelConfig config;
  if (const auto quantised = fields.object("quantization_config"))
    config.quantised_by = quantised->text_or("quant_method", "a method without a name");
  config.family = family.model_type;
  config.dir = file.parent_path();
  read_sizes(family, fields, config);
  read_switches(family, fields, config);
  if (const ExpertFamily* experts = find_expert_family(family.model_type))
    config.experts = read_experts(*experts, fields, config.n_layers);
  read_scales(family, fields, config);
  read_layer_kinds(family, fields, config);
  read_ropes(family, fields, config);
  auto dtype = read_dtype(fields);
  if (!dtype) dtype = stored_dtype(config.dir);
  config.checkpoint_dtype = dtype.value_or(DType::Float32);
  read_special_tokens(fields, config);
  return config;
}

ModelConfig gguf_model_config(const std::filesystem::path& path) {
  const GgufFile file = read_gguf(path);
  ModelConfig config = config_of(
      path, gguf_config(file), std::make_shared<const KeyNames>(gguf_key_names(file)));
  apply_rope_factors(file, config.rope);
  config.norm_adds_one = false;  // the stored norms carry it already
  return config;
}

}  // namespace

ModelConfig read_config(const std::filesystem::path& path) {
  if (is_gguf(path)) return gguf_model_config(path);
  const auto file = path / "config.json";
  ModelConfig config = config_of(file, read_json(file, ExitCode::CannotLoad));
  read_generation_config(path / "generation_config.json", config);
  return config;
}

double ModelConfig::score_scale() const {
  return attention_scale > 0 ? attention_scale : 1 / std::sqrt(static_cast<double>(head_dim));
}

double ModelConfig::embedding_factor(DType dtype) const {
  if (!embedding_scale_in_dtype) return embedding_scale;
  const auto exact = static_cast<float>(embedding_scale);
  float stored = 0, rounded = 0;  // room for any dtype
  narrow(&exact, 1, dtype, &stored);
  widen(dtype, &stored, 1, &rounded);
  return rounded;
}

float ModelConfig::query_scale(int64_t position) const {
  const auto periods = static_cast<double>(position / query_growth_period);
  return static_cast<float>(1 + query_growth * std::log(1 + periods));
}

const RopeConfig* ModelConfig::rope_of(int64_t layer) const {
  const LayerRope which =
      layer_rope.empty() ? LayerRope::Main : layer_rope[static_cast<size_t>(layer)];
  return which == LayerRope::Main ? &rope : which == LayerRope::Local ? &local_rope : nullptr;
}

}  // namespace kvhost
