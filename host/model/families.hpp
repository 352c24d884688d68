// SPDX-License-Identifier: Apache-2.0
// The model families as data: what their weights are called and which switches they set. One
// decoder runs them all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/config.hpp"

namespace kvhost {

// Tensor names; those of a layer follow `layer` with # replaced by its number. nullptr: the family
// has none. A Linear's weight and bias are NAME.weight and NAME.bias.
struct WeightNames {
  const char* embedding;
  const char* final_norm;
  const char* lm_head;
  const char* layer;
  const char* attention_norm;
  const char* mlp_norm;
  const char* q;
  const char* k;
  const char* v;
  const char* qkv;  // one matrix, rows ordered [n_heads, (q, k, v), head_dim]
  const char* output;
  const char* q_norm;
  const char* k_norm;
  const char* gate;
  const char* up;
  const char* down;
};

enum class Bias { Never, Always, AsConfigured };

// Which layers see a sliding window only.
enum class Sliding {
  Never,
  All,        // every layer, by config.json's sliding_window
  WhenAsked,  // with use_sliding_window: those of layer_types, or from max_window_layers on
};

struct Family {
  const char* model_type;
  WeightNames names;
  NormKind norm;
  const char* norm_eps_key;
  double norm_eps;  // when the key is missing, as in transformers
  const char* activation;
  bool gated_mlp;
  bool qk_norm;
  const char* parallel_residual_key;  // nullptr: attention and MLP one after the other
  bool parallel_residual;             // when the key is missing
  Sliding sliding;
  Bias input_bias;   // q, k, v
  Bias output_bias;  // AsConfigured: config.json's attention_bias (default: that of
                     // `attention_bias`)
  bool attention_bias;
  Bias mlp_bias;           // AsConfigured: config.json's mlp_bias
  bool kv_heads_required;  // otherwise num_key_value_heads defaults to num_attention_heads
  int64_t head_dim;        // when config.json has none; 0: hidden_size / num_attention_heads
  int64_t max_positions;   // when config.json has none
  const char* rope_theta_key;
  const char* rotary_share_key;  // nullptr: all of head_dim is rotated
  double rotary_share;
};

std::span<const Family> families();
std::vector<std::string> family_names();
const Family* find_family(const std::string& model_type);  // nullptr when unknown

// Buffers that checkpoints carry although there is nothing to load.
bool is_harmless_extra(const std::string& tensor);

}  // namespace kvhost
