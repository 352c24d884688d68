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
  const char* attention_norm;       // of the attention's input
  const char* attention_post_norm;  // of what it adds to the residual stream
  const char* mlp_norm;
  const char* mlp_post_norm;
  const char* q;
  const char* k;
  const char* v;
  const char* qkv;       // one matrix, rows ordered [n_heads, (q, k, v), head_dim]
  const char* qkv_rows;  // one matrix, all rows of q, then of k, then of v
  const char* output;
  const char* q_norm;
  const char* k_norm;
  const char* gate;
  const char* up;
  const char* gate_up;  // one matrix, rows of gate, then of up
  const char* down;
};

enum class Bias { Never, Always, AsConfigured };

// Which layers see a sliding window only.
enum class Sliding {
  Never,
  All,        // every layer, by config.json's sliding_window
  WhenAsked,  // with use_sliding_window: those of layer_types; else those that do not rotate, where
              // there are such; else from max_window_layers on
  AllWhenAsked,   // every layer, with use_sliding_window
  EvenWhenAsked,  // with use_sliding_window: those of layer_types; else the even ones below
                  // max_window_layers
  ByType,     // those of layer_types; else all but each sliding_window_pattern-th
};

struct Family {
  const char* model_type;
  WeightNames names;
  // JSON: what a key means that config.json leaves out, as in transformers. Keys that few
  // families have are read only where they stand here (family_config.cpp).
  const char* defaults;
  NormKind norm;
  const char* norm_eps_key;
  bool norm_adds_one;  // multiplies by 1 + weight; a GGUF file's weights hold the sum
  const char* activation_key;
  bool gated_mlp;
  QkNorm qk_norm;
  const char* parallel_residual_key;  // nullptr: attention and MLP one after the other
  Sliding sliding;
  Bias input_bias;   // q, k, v
  Bias output_bias;  // AsConfigured: config.json's attention_bias
  Bias mlp_bias;     // AsConfigured: config.json's mlp_bias
  const char* rope_theta_key;
  const char* rotary_share_key;     // an older name of partial_rotary_factor, or nullptr
  bool sinks;                       // attention sinks, layer.self_attn.sinks
  bool embedding_times_root_width;  // embeddings are multiplied by sqrt(hidden_size)
};

std::span<const Family> families();
std::vector<std::string> family_names();                   // what model_type may be
const Family* find_family(const std::string& model_type);  // nullptr when unknown

// Models whose config.json holds that of a text model, text_config, beside other parts that are
// not read.
struct Wrapper {
  const char* model_type;
  const char* text_type;  // where text_config names none
};
const Wrapper* find_wrapper(const std::string& model_type);  // nullptr when unknown

// Buffers that checkpoints carry although there is nothing to load.
bool is_harmless_extra(const std::string& tensor);

}  // namespace kvhost
