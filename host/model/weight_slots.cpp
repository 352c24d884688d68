// SPDX-License-Identifier: Apache-2.0
#include "model/weight_slots.hpp"

#include <cassert>

#include "model/expert_slots.hpp"
#include "model/families.hpp"

namespace kvhost {

namespace {

class SlotList {
 public:
  explicit SlotList(const ModelConfig& config)
      : norm_(config.norm), norm_adds_one_(config.norm_adds_one) {}

  void matrix(const std::string& name, int64_t n_out, int64_t n_in, Matrix& matrix) {
    slots_.push_back({.name = name + ".weight", .shape = {n_out, n_in}, .matrix = &matrix});
  }
  void linear(const std::string& name, int64_t n_out, int64_t n_in, bool bias, Linear& linear) {
    matrix(name, n_out, n_in, linear.weight);
    if (bias)
      slots_.push_back({.name = name + ".bias", .shape = {n_out}, .vector = &linear.bias});
  }
  // One stored layer whose rows are those of several, one after the other.
  struct Rows {
    Linear* linear;
    int64_t n;
  };
  void stacked(const std::string& name, const std::vector<Rows>& parts, int64_t n_in, bool bias) {
    int64_t n_out = 0, first = 0;
    for (const auto& part : parts) n_out += part.n;
    for (const auto& [linear, n] : parts) {
      const size_t before = slots_.size();
      this->linear(name, n_out, n_in, bias, *linear);
      for (size_t i = before; i < slots_.size(); ++i)
        slots_[i].first_row = first, slots_[i].n_rows = n;
      first += n;
    }
  }
  // Nothing where the family has no such norm.
  void norm(const std::string& prefix, const char* name, int64_t n, NormKind kind, Norm& norm) {
    if (!name) return;
    const auto add = [&](const char* part, bool add_one, at::Tensor& vector) {
      slots_.push_back({.name = prefix + name + part,
                        .shape = {n},
                        .vector = &vector,
                        .norm = true,
                        .add_one = add_one});
    };
    add(".weight", norm_adds_one_, norm.weight);
    if (kind == NormKind::Layer) add(".bias", false, norm.bias);
  }
  void norm(const std::string& prefix, const char* name, int64_t n, Norm& into) {
    norm(prefix, name, n, norm_, into);
  }

  void add(std::vector<WeightSlot> slots) {
    std::move(slots.begin(), slots.end(), std::back_inserter(slots_));
  }
  // One number for each head.
  void per_head(const std::string& name, int64_t n_heads, at::Tensor& vector) {
    slots_.push_back({.name = name, .shape = {n_heads}, .vector = &vector, .norm = true});
  }

  std::vector<WeightSlot> take() { return std::move(slots_); }

 private:
  NormKind norm_;
  bool norm_adds_one_;
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
  } else if (names.qkv_rows) {
    slots.stacked(prefix + names.qkv_rows,
                  {{&layer.q, q_rows}, {&layer.k, kv_rows}, {&layer.v, kv_rows}},
                  hidden,
                  config.attention_bias);
  } else {
    slots.linear(prefix + names.q, q_rows, hidden, config.attention_bias, layer.q);
    slots.linear(prefix + names.k, kv_rows, hidden, config.attention_bias, layer.k);
    slots.linear(prefix + names.v, kv_rows, hidden, config.attention_bias, layer.v);
  }
  if (config.qk_norm != QkNorm::None) {
    const bool heads = config.qk_norm == QkNorm::Heads;
    slots.norm(prefix, names.q_norm, heads ? config.head_dim : q_rows, NormKind::Rms, layer.q_norm);
    slots.norm(
        prefix, names.k_norm, heads ? config.head_dim : kv_rows, NormKind::Rms, layer.k_norm);
  }
  slots.linear(prefix + names.output, hidden, q_rows, config.output_bias, layer.output);
  if (config.attention_sinks)
    slots.per_head(prefix + "self_attn.sinks", config.n_heads, layer.sinks);
}

void add_mlp(const ModelConfig& config,
             const WeightNames& names,
             const std::string& prefix,
             LayerWeights& layer,
             SlotList& slots) {
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  if (names.gate_up) {
    slots.stacked(prefix + names.gate_up,
                  {{&layer.gate, inner}, {&layer.up, inner}},
                  hidden,
                  config.mlp_bias);
  } else {
    if (config.gated_mlp)
      slots.linear(prefix + names.gate, inner, hidden, config.mlp_bias, layer.gate);
    slots.linear(prefix + names.up, inner, hidden, config.mlp_bias, layer.up);
  }
  slots.linear(prefix + names.down, hidden, inner, config.mlp_bias, layer.down);
}

void add_layer(const ModelConfig& config,
               const WeightNames& names,
               int64_t index,
               LayerWeights& layer,
               SlotList& slots) {
  std::string prefix = names.layer;
  prefix.replace(prefix.find('#'), 1, std::to_string(index));
  const int64_t hidden = config.hidden_size;
  slots.norm(prefix, names.attention_norm, hidden, layer.attention_norm);
  add_attention(config, names, prefix, layer, slots);
  slots.norm(prefix, names.attention_post_norm, hidden, layer.attention_post_norm);
  slots.norm(prefix, names.mlp_norm, hidden, layer.mlp_norm);
  if (config.experts.in(index)) {
    slots.add(expert_slots(config, prefix, layer));
  } else {
    add_mlp(config, names, prefix, layer, slots);
  }
  slots.norm(prefix, names.mlp_post_norm, hidden, layer.mlp_post_norm);
}

}  // namespace

std::vector<WeightSlot> weight_slots(const ModelConfig& config, ModelWeights& weights) {
  const Family* family = find_family(config.family);
  assert(family);
  const auto& names = family->names;
  SlotList slots(config);
  slots.matrix(names.embedding, config.vocab_size, config.hidden_size, weights.embedding);
  weights.layers.resize(static_cast<size_t>(config.n_layers));
  for (size_t i = 0; i < weights.layers.size(); ++i)
    add_layer(config, names, static_cast<int64_t>(i), weights.layers[i], slots);
  slots.norm("", names.final_norm, config.hidden_size, weights.final_norm);
  if (!config.tied_embeddings)
    slots.matrix(names.lm_head, config.vocab_size, config.hidden_size, weights.lm_head);
  return slots.take();
}

}  // namespace kvhost
