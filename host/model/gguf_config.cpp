// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_config.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

using Json = nlohmann::json;

struct KeyPair {
  const char* gguf;  // behind the architecture's name and a dot
  const char* theirs;
};

// Those that a family does not read mean nothing to it.
constexpr KeyPair kKeys[] = {
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"attention.sliding_window", "sliding_window"},
    {"rope.freq_base", "rope_theta"},
    {"rope.freq_base_swa", "rope_local_base_freq"},
    {"use_parallel_residual", "use_parallel_residual"},
    {"attn_logit_softcapping", "attn_logit_softcapping"},
    {"final_logit_softcapping", "final_logit_softcapping"},
    {"attention.scale", "attention_multiplier"},
    {"embedding_scale", "embedding_multiplier"},
    {"residual_scale", "residual_multiplier"},
    {"logit_scale", "logits_scaling"},
    {"expert_count", "num_experts"},
    {"expert_used_count", "num_experts_per_tok"},
    {"expert_feed_forward_length", "moe_intermediate_size"},
    {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
    {"expert_weights_norm", "norm_topk_prob"},
};

// The same for `rope_parameters`.
constexpr KeyPair kRopeKeys[] = {
    {"rope.scale_linear", "factor"},
    {"rope.scaling.factor", "factor"},
    {"rope.scaling.original_context_length", "original_max_position_embeddings"},
    {"rope.scaling.yarn_beta_fast", "beta_fast"},
    {"rope.scaling.yarn_beta_slow", "beta_slow"},
    {"rope.scaling.yarn_log_multiplier", "mscale_all_dim"},
    {"attention.temperature_scale", "llama_4_scaling_beta"},
    {"rope.scaling.attn_factor", "attention_factor"},
};

// A float32 as the shortest decimal that means it: 1e-05, not 9.999999747378752e-06.
double shortest(double value) {
  const auto narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) != value || !std::isfinite(value)) return value;
  char text[64];
  const auto written = std::to_chars(text, text + sizeof text, narrow);
  double out = value;
  std::from_chars(text, written.ptr, out);
  return out;
}

// One value for all layers, as config.json has it.
Json same_for_all(const GgufMetadata& metadata, const std::string& key) {
  const auto values = metadata.integers(key);
  if (values.empty() || std::count(values.begin(), values.end(), values[0]) !=
                            static_cast<std::ptrdiff_t>(values.size()))
    metadata.refuse(key, "one value for all layers");
  return values[0];
}

Json json_of(const GgufMetadata& metadata, const std::string& key) {
  const GgufValue& value = metadata.values().at(key);
  if (const auto* number = std::get_if<double>(&value)) return shortest(*number);
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (std::holds_alternative<GgufArray>(value)) return same_for_all(metadata, key);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* wide = std::get_if<uint64_t>(&value)) return *wide;
  return std::get<int64_t>(value);
}

class ConfigWriter {
 public:
  explicit ConfigWriter(const GgufFile& file)
      : file_(file),
        metadata_(file.metadata),
        architecture_(gguf_architecture(file)),
        json_(Json::parse(architecture_.settings)) {}

  Json write() {
    json_["model_type"] = architecture_.model_type;
    for (const auto& [gguf, theirs] : kKeys)
      if (metadata_.has(key(gguf))) json_[theirs] = json_of(metadata_, key(gguf));
    write_head_dim();
    write_windows();
    write_score_scale();
    write_rope();
    write_tensors();
    write_special_tokens();
    return std::move(json_);
  }

 private:
  static constexpr int64_t kMost = int64_t{1} << 40;

  std::string key(const char* name) const { return std::string(architecture_.name) + "." + name; }
  int64_t integer(const char* name) const { return metadata_.integer(key(name), 1, kMost); }

  void write_head_dim() {
    if (metadata_.has_array(key("attention.head_count"))) return;  // refused by its own key
    const int64_t heads = integer("attention.head_count"), hidden = integer("embedding_length");
    head_dim_ = metadata_.integer_or(
        key("attention.key_length"), 1, kMost, std::max<int64_t>(hidden / heads, 1));
    if (metadata_.integer_or(key("attention.value_length"), 1, kMost, head_dim_) != head_dim_)
      metadata_.refuse(key("attention.value_length"),
                       "the length of the keys, " + std::to_string(head_dim_));
    json_["head_dim"] = head_dim_;
  }

  // Windows are left to the family's rule where the metadata lists no layers.
  void write_windows() {
    constexpr const char* kPattern = "attention.sliding_window_pattern";
    if (metadata_.has_array(key(kPattern))) {
      for (const int64_t slides : metadata_.integers(key(kPattern)))
        json_["layer_types"].push_back(slides ? "sliding_attention" : "full_attention");
    } else if (metadata_.has(key(kPattern))) {
      json_["sliding_window_pattern"] = json_of(metadata_, key(kPattern));
    }
    if (json_.contains("sliding_window") && json_["sliding_window"] == 0)
      json_["sliding_window"] = nullptr;
  }

  void write_score_scale() {
    if (architecture_.width_scaled_layers == 0) return;
    const bool by_width = integer("block_count") == architecture_.width_scaled_layers;
    json_["query_pre_attn_scalar"] =
        by_width ? integer("embedding_length") / integer("attention.head_count") : head_dim_;
  }

  void write_rope() {
    const int64_t rotated = metadata_.integer_or(key("rope.dimension_count"), 1, kMost, head_dim_);
    json_[architecture_.rotary_share] = share(rotated);
    std::string type = metadata_.text_or(key("rope.scaling.type"), "none");
    if (type == "none" && metadata_.has(key("rope.scale_linear"))) type = "linear";
    const std::vector<float> longer = factors("rope_factors_long.weight");
    if (!longer.empty()) type = "longrope";
    Json& rope = json_["rope_parameters"] = Json::parse(architecture_.rope);
    rope["rope_type"] = type == "none" ? "default" : type;
    constexpr const char* kTrained = "original_max_position_embeddings";
    if (type == "none") return;
    for (const auto& [gguf, theirs] : kRopeKeys)
      if (metadata_.has(key(gguf))) rope[theirs] = json_of(metadata_, key(gguf));
    // Phi-3's config.json has it outside.
    if (rope.contains(kTrained)) json_[kTrained] = rope[kTrained];
    // There it multiplies what YaRN has by itself.
    const auto number = [&](const char* name) {
      return rope.contains(name) && rope[name].is_number() ? rope[name].get<double>() : 0.0;
    };
    if (type == "yarn" && number("attention_factor") > 0 && number("factor") > 1)
      rope["attention_factor"] = number("attention_factor") * (1 + 0.1 * std::log(number("factor")));
    if (type == "longrope") {
      rope["long_factor"] = longer;
      rope["short_factor"] = factors("rope_factors_short.weight");
    }
  }

  // Empty where there is no such tensor.
  std::vector<float> factors(const char* name) const {
    const GgufTensor* stored = file_.find(name);
    if (!stored) return {};
    if (stored->type != WeightType::F32)
      cannot_load(file_.path.string(),
                  std::string("tensor '") + name + "' is " + weight_type_info(stored->type).name +
                      "; expected F32");
    std::vector<float> out(static_cast<size_t>(stored->bytes) / sizeof(float));
    std::memcpy(out.data(), stored->data, static_cast<size_t>(stored->bytes));
    return out;
  }

  // The share of head_dim from which whoever cuts the product down gets `rotated` again.
  double share(int64_t rotated) const {
    double out = static_cast<double>(rotated) / static_cast<double>(head_dim_);
    while (static_cast<int64_t>(static_cast<double>(head_dim_) * out) < rotated)
      out = std::nextafter(out, 2.0);
    return out;
  }

  // What only the tensors tell.
  void write_tensors() {
    const GgufTensor* embedding = file_.find("token_embd.weight");
    if (!embedding)
      cannot_load(file_.path.string(), "tensor 'token_embd.weight' is missing; expected a model");
    json_["vocab_size"] = embedding->shape.front();
    json_["tie_word_embeddings"] = file_.find("output.weight") == nullptr;
    json_["attention_bias"] = file_.find("blk.0.attn_q.bias") || file_.find("blk.0.attn_qkv.bias");
    json_["mlp_bias"] = file_.find("blk.0.ffn_down.bias") != nullptr;
    if (json_.contains("num_experts")) write_experts();
    json_["dtype"] = dtype_name();
  }

  // Which layers have experts, and how wide these are: older files name no width.
  void write_experts() {
    json_["mlp_only_layers"] = Json::array();
    for (int64_t layer = 0; layer < std::min<int64_t>(integer("block_count"), 4096); ++layer) {
      const std::string prefix = "blk." + std::to_string(layer) + ".";
      const GgufTensor* experts = file_.find(prefix + "ffn_gate_exps.weight");
      if (experts && experts->shape.size() == 3)
        json_["moe_intermediate_size"] = experts->shape[1];
      else
        json_["mlp_only_layers"].push_back(layer);
    }
  }

  // Of activations and cache.
  const char* dtype_name() const {
    std::set<WeightType> types;
    for (const auto& tensor : file_.tensors)
      if (tensor.shape.size() > 1) types.insert(tensor.type);
    if (types.size() != 1 || !is_plain(*types.begin())) return "bfloat16";
    if (*types.begin() == WeightType::F32) return "float32";
    const bool half = *types.begin() == WeightType::F16 && !architecture_.wide_activations;
    return half ? "float16" : "bfloat16";
  }

  void write_special_tokens() {
    if (const auto bos = metadata_.token_id("tokenizer.ggml.bos_token_id"))
      json_["bos_token_id"] = *bos;
    std::vector<int64_t> ends;
    for (const char* name : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"})
      if (const auto id = metadata_.token_id(name)) ends.push_back(*id);
    json_["eos_token_id"] = ends;
  }

  const GgufFile& file_;
  const GgufMetadata& metadata_;
  const GgufArchitecture& architecture_;
  Json json_;
  int64_t head_dim_ = 0;
};

}  // namespace

const GgufArchitecture& gguf_architecture(const GgufFile& file) {
  constexpr const char* kKey = "general.architecture";
  const std::string name = file.metadata.text(kKey);
  const bool experts =
      file.metadata.integer_or(name + ".expert_count", 0, INT32_MAX, 0) > 0;
  if (const auto* found = find_gguf_architecture(name, experts)) return *found;
  const auto known = gguf_architecture_names();
  file.metadata.refuse(kKey, "one of " + join(known, ", ") + did_you_mean(name, known));
}

nlohmann::json gguf_config(const GgufFile& file) { return ConfigWriter(file).write(); }

KeyNames gguf_key_names(const GgufFile& file) {
  const std::string prefix = std::string(gguf_architecture(file).name) + ".";
  KeyNames names = {{"head_dim", prefix + "attention.key_length"},
                    {"rope_parameters.rope_type", prefix + "rope.scaling.type"}};
  for (const auto& [gguf, theirs] : kKeys) names[theirs] = prefix + gguf;
  // Two keys may mean one: that which the file has.
  for (const auto& [gguf, theirs] : kRopeKeys) {
    const std::string key = std::string("rope_parameters.") + theirs;
    if (!names.contains(key) || file.metadata.has(prefix + gguf)) names[key] = prefix + gguf;
  }
  return names;
}

void apply_rope_factors(const GgufFile& file, RopeConfig& rope) {
  constexpr const char* kName = "rope_freqs.weight";
  const GgufTensor* stored = file.find(kName);
  if (!stored) return;
  const auto waves = static_cast<int64_t>(rope.inv_freq.size());
  if (stored->type != WeightType::F32 || stored->shape != std::vector<int64_t>{waves})
    cannot_load(file.path.string(),
                std::string("tensor '") + kName + "' does not fit; expected " +
                    std::to_string(waves) + " factors in F32, one per rotated pair");
  for (size_t i = 0; i < rope.inv_freq.size(); ++i) {
    float factor = 0;
    std::memcpy(&factor, stored->data + i * sizeof factor, sizeof factor);
    if (!(factor > 0) || !std::isfinite(factor))
      cannot_load(file.path.string(),
                  std::string("tensor '") + kName + "' has a factor of " +
                      std::to_string(factor) + "; expected positive numbers");
    rope.inv_freq[i] /= factor;
  }
  rope.scaling = "llama3";
}

}  // namespace kvhost
