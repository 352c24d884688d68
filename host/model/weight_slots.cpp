// SPDX-License-Identifier: Apache-2.0
#include "model/weight_slots.hpp"

#include <cassert>

#include "model/families.hpp"

namespace kvhost {

namespace {

class SlotList {
 public:
  explicit SlotList(NormKind norm) : norm_(norm) {}

  void matrix(const std::string& name, int64_t n_out, int64_t n_in, Matrix& matrix) {
    slots_.push_back({.name = name + ".weight", .shape = {n_out, n_in}, .matrix = &matrix});
  }
  void linear(const std::string& name, int64_t n_out, int64_t n_in, bool bias, Linear& linear) {
    matrix(name, n_out, n_in, linear.weight);
    if (bias)
      slots_.push_back({.name = name + ".bias", .shape = {n_out}, .vector = &linear.bias});
  }
  void norm(const std::string& name, int64_t n, NormKind kind, Norm& norm) {
    const auto add = [&](const char* part, at::Tensor& vector) {
      slots_.push_back({.name = name + part, .shape = {n}, .vector = &vector, .norm = true});
    };
    add(".weight", norm.weight);
    if (kind == NormKind::Layer) add(".bias", norm.bias);
  }
  void norm(const std::string& name, int64_t n, Norm& into) { norm(name, n, norm_, into); }

  std::vector<WeightSlot> take() { return std::move(slots_); }

 private:
  NormKind norm_;
  std::vector<WeightSlot> slots_;
};

void add_attention(const ModelConfig& config,
                   const WeightNames& names,
                   const std::string& prefix,
                   LayerWeights& layer,
                   SlotList& slots) {
  const int64_t hidden = config.hidden_size;
  const int64_t q_rows = config.n_heads * config.head_dim,
                kv_rows = config.n_kv_heads * config.head_dim;
  if (names.qkv) {
    slots.linear(
        prefix + names.qkv, q_rows + 2 * kv_rows, hidden, config.attention_bias, layer.qkv);
  } else {
    slots.linear(prefix + names.q, q_rows, hidden, config.attention_bias, layer.q);
    slots.linear(prefix + names.k, kv_rows, hidden, config.attention_bias, layer.k);
    slots.linear(prefix + names.v, kv_rows, hidden, config.attention_bias, layer.v);
  }
  if (config.qk_norm) {
    slots.norm(prefix + names.q_norm, config.head_dim, NormKind::Rms, layer.q_norm);
    slots.norm(prefix + names.k_norm, config.head_dim, NormKind::Rms, layer.k_norm);
  }
  slots.linear(prefix + names.output, hidden, q_rows, config.output_bias, layer.output);
}

void add_layer(const ModelConfig& config,
               const WeightNames& names,
               int64_t index,
               LayerWeights& layer,
               SlotList& slots) {
  std::string prefix = names.layer;
  prefix.replace(prefix.find('#'), 1, std::to_string(index));
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  slots.norm(prefix + names.attention_norm, hidden, layer.attention_norm);
  add_attention(config, names, prefix, layer, slots);
  slots.norm(prefix + names.mlp_norm, hidden, layer.mlp_norm);
  if (config.gated_mlp)
    slots.linear(prefix + names.gate, inner, hidden, config.mlp_bias, layer.gate);
  slots.linear(prefix + names.up, inner, hidden, config.mlp_bias, layer.up);
  slots.linear(prefix + names.down, hidden, inner, config.mlp_bias, layer.down);
}

}  // namespace

std::vector<WeightSlot> weight_slots(const ModelConfig& config, ModelWeights& weights) {
  const Family* family = find_family(config.family);
  assert(family);
  const auto& names = family->names;
  SlotList slots(config.norm);
  slots.matrix(names.embedding, config.vocab_size, config.hidden_size, weights.embedding);
  weights.layers.resize(static_cast<size_t>(config.n_layers));
  for (size_t i = 0; i < weights.layers.size(); ++i)
    add_layer(config, names, static_cast<int64_t>(i), weights.layers[i], slots);
  slots.norm(names.final_norm, config.hidden_size, weights.final_norm);
  if (!config.tied_embeddings)
    slots.matrix(names.lm_head, config.vocab_size, config.hidden_size, weights.lm_head);
  return slots.take();
}

}  // namespace kvhost
