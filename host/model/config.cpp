// SPDX-License-Identifier: Apache-2.0
#include "model/config.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "model/families.hpp"
#include "model/json_fields.hpp"
#include "model/rope_config.hpp"

namespace kvhost {

namespace {

// Beyond these a config is damaged rather than large; they keep products of sizes inside 64 bits.
constexpr int64_t kMostLayers = 4096, kMostHeads = 4096, kMostHeadDim = 4096;
constexpr int64_t kMostWidth = int64_t{1} << 22, kMostVocab = int64_t{1} << 26,
                  kMostPositions = int64_t{1} << 40;

const Family& read_family(const std::filesystem::path& file, const JsonFields& fields) {
  if (!fields.has("model_type"))
    cannot_load(file.string(),
                "'model_type' is missing; expected one of " + join(family_names(), ", ") +
                    "; the config.json that comes with a model's weights names its family");
  const std::string name = fields.text_or("model_type", "");
  if (const Family* family = find_family(name)) return *family;
  cannot_load(file.string(),
              "'model_type' is '" + name + "'; expected one of " + join(family_names(), ", ") +
                  did_you_mean(name, family_names()));
}

void read_sizes(const Family& family, const JsonFields& fields, ModelConfig& config) {
  config.hidden_size = fields.integer("hidden_size", 1, kMostWidth);
  config.n_layers = fields.integer("num_hidden_layers", 1, kMostLayers);
  config.n_heads = fields.integer("num_attention_heads", 1, kMostHeads);
  config.intermediate_size = fields.integer("intermediate_size", 1, kMostWidth);
  config.vocab_size = fields.integer("vocab_size", 1, kMostVocab);
  config.max_positions =
      fields.integer_or("max_position_embeddings", 1, kMostPositions, family.max_positions);
  config.n_kv_heads = family.kv_heads_required
                          ? fields.integer("num_key_value_heads", 1, kMostHeads)
                          : fields.integer_or("num_key_value_heads", 1, kMostHeads, config.n_heads);
  if (config.n_heads % config.n_kv_heads != 0)
    fields.refuse("num_key_value_heads",
                  "a divisor of num_attention_heads (" + std::to_string(config.n_heads) + ")");
  if (family.names.qkv && config.n_kv_heads != config.n_heads)
    fields.refuse("num_key_value_heads", "num_attention_heads in this family");

  if (fields.has("head_dim") || family.head_dim > 0) {
    config.head_dim = fields.integer_or("head_dim", 2, kMostHeadDim, family.head_dim);
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
  const std::string name = fields.text_or("hidden_act", family.activation);
  if (name == "silu" || name == "swish") return Activation::Silu;
  if (name == "gelu" || name == "gelu_python") return Activation::Gelu;
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh")
    return Activation::GeluTanh;
  fields.refuse("hidden_act",
                "silu, swish, gelu, gelu_python, gelu_new, gelu_fast or gelu_pytorch_tanh");
}

bool has_bias(Bias bias, bool configured) {
  return bias == Bias::Always || (bias == Bias::AsConfigured && configured);
}

void read_switches(const Family& family, const JsonFields& fields, ModelConfig& config) {
  config.norm = family.norm;
  config.norm_eps = fields.positive_or(family.norm_eps_key, family.norm_eps);
  config.activation = read_activation(family, fields);
  config.gated_mlp = family.gated_mlp;
  config.qk_norm = family.qk_norm;
  config.tied_embeddings = fields.flag_or("tie_word_embeddings", false);
  const bool attention_bias = fields.flag_or("attention_bias", family.attention_bias);
  config.attention_bias = has_bias(family.input_bias, attention_bias);
  config.output_bias = has_bias(family.output_bias, attention_bias);
  config.mlp_bias = has_bias(family.mlp_bias, fields.flag_or("mlp_bias", false));
  if (family.parallel_residual_key)
    config.parallel_residual =
        fields.flag_or(family.parallel_residual_key, family.parallel_residual);
}

std::vector<int64_t> windows_by_type(const JsonFields& fields, int64_t window, int64_t n_layers) {
  std::vector<int64_t> out;
  for (const auto& type : fields.texts("layer_types")) {
    if (type != "sliding_attention" && type != "full_attention")
      fields.refuse("layer_types", "full_attention or sliding_attention for each layer");
    if (type == "sliding_attention" && window == 0)
      fields.refuse("sliding_window", "a window for the sliding layers");
    out.push_back(type == "sliding_attention" ? window : 0);
  }
  if (static_cast<int64_t>(out.size()) != n_layers)
    fields.refuse("layer_types", std::to_string(n_layers) + " entries, one per layer");
  return out;
}

std::vector<int64_t> read_windows(const Family& family,
                                  const JsonFields& fields,
                                  const ModelConfig& config) {
  std::vector<int64_t> windows(static_cast<size_t>(config.n_layers), 0);
  if (family.sliding == Sliding::Never) return windows;
  const bool asked = family.sliding == Sliding::WhenAsked;
  const int64_t unnamed =
      fields.has_null("sliding_window") ? 0 : 4096;  // the default of transformers
  const int64_t window = fields.integer_or("sliding_window", 1, kMostPositions, unnamed);
  const bool on = window > 0 && (!asked || fields.flag_or("use_sliding_window", false));
  if (asked && fields.has("layer_types"))
    return windows_by_type(fields, on ? window : 0, config.n_layers);
  const int64_t first = asked ? fields.integer_or("max_window_layers", 0, kMostLayers, 28) : 0;
  for (int64_t layer = first; on && layer < config.n_layers; ++layer)
    windows[static_cast<size_t>(layer)] = window;
  return windows;
}

DType read_dtype(const JsonFields& fields) {
  const std::string key = fields.has("dtype") ? "dtype" : "torch_dtype";
  const std::string name = fields.text_or(key, "float32");
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    if (name == dtype_name(dtype)) return dtype;
  fields.refuse(key, "float32, bfloat16 or float16");
}

void read_special_tokens(const JsonFields& fields, ModelConfig& config) {
  config.eos_token_ids = fields.token_ids("eos_token_id");
  const auto bos = fields.token_ids("bos_token_id");
  config.bos_token_id = bos.empty() ? -1 : bos.front();
  const auto file = config.dir / "generation_config.json";
  if (!std::filesystem::exists(file)) return;
  const auto json = read_json(file, ExitCode::CannotLoad);
  const JsonFields generation(file, json);
  if (generation.has("eos_token_id")) config.eos_token_ids = generation.token_ids("eos_token_id");
  if (config.bos_token_id < 0 && generation.has("bos_token_id")) {
    const auto ids = generation.token_ids("bos_token_id");
    if (!ids.empty()) config.bos_token_id = ids.front();
  }
}

}  // namespace

ModelConfig read_config(const std::filesystem::path& dir) {
  const auto file = dir / "config.json";
  const auto json = read_json(file, ExitCode::CannotLoad);
  const JsonFields fields(file, json);
  const Family& family = read_family(file, fields);

  ModelConfig config;
  if (const auto quantised = fields.object("quantization_config"))
    config.quantised_by = quantised->text_or("quant_method", "a method without a name");
  config.family = family.model_type;
  config.dir = dir;
  read_sizes(family, fields, config);
  read_switches(family, fields, config);
  config.rope = read_rope(family, fields, config.head_dim, config.max_positions);
  config.sliding_window = read_windows(family, fields, config);
  config.checkpoint_dtype = read_dtype(fields);
  read_special_tokens(fields, config);
  return config;
}

double ModelConfig::score_scale() const {
  return attention_scale > 0 ? attention_scale : 1 / std::sqrt(static_cast<double>(head_dim));
}

const RopeConfig* ModelConfig::rope_of(int64_t layer) const {
  const LayerRope which =
      layer_rope.empty() ? LayerRope::Main : layer_rope[static_cast<size_t>(layer)];
  return which == LayerRope::Main ? &rope : which == LayerRope::Local ? &local_rope : nullptr;
}

}  // namespace kvhost
