// SPDX-License-Identifier: Apache-2.0
// What a checkpoint is: read from config.json (the only place where Hugging Face spellings appear).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "model/experts_config.hpp"

namespace kvhost {

struct RopeConfig {
  int64_t rotary_dim = 0;  // <= head_dim
  double theta = 10000;
  double attention_scaling = 1;     // factor on cos and sin (YaRN, longrope)
  std::vector<float> inv_freq;      // [rotary_dim / 2], scaling applied
  std::string scaling = "default";  // for reports

  // Texts that begin with more than this many tokens turn otherwise; 0: all turn alike.
  int64_t short_positions = 0;
  std::vector<float> long_inv_freq;  // [rotary_dim / 2] of these (longrope)
  double dynamic_factor = 0;  // or (dynamic): theta grows with their length; 0: it does not

  // Of a sequence whose first pass has n_first tokens. It keeps them when it grows, also beyond
  // short_positions: the keys in its cache are rotated by them.
  std::vector<float> frequencies(int64_t n_first) const;
};

enum class NormKind { Rms, Layer };
// RMSNorm on queries and keys before RoPE: of each head, or over all heads together.
enum class QkNorm { None, Heads, Projections };
enum class Activation { Silu, Gelu, GeluTanh };

struct ModelConfig {
  std::string family;  // config.json's model_type
  std::filesystem::path dir;  // that holds the model's files
  int64_t n_layers = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0;
  int64_t hidden_size = 0, intermediate_size = 0, vocab_size = 0;
  int64_t max_positions = 0;
  DType checkpoint_dtype = DType::Float32;
  // quantization_config's quant_method; "": none. What it did to the weights shows where they are
  // read: it may be nothing.
  std::string quantised_by;
  RopeConfig rope;
  NormKind norm = NormKind::Rms;
  double norm_eps = 1e-5;
  bool norm_adds_one = false;  // norms multiply by 1 + weight
  Activation activation = Activation::Silu;
  bool gated_mlp = true;           // gate/up/down rather than up/down
  bool parallel_residual = false;  // x + attn(norm1(x)) + mlp(norm2(x))
  QkNorm qk_norm = QkNorm::None;
  bool attention_bias = false, output_bias = false, mlp_bias = false;
  bool tied_embeddings = false;
  std::vector<int64_t> sliding_window;  // per layer, 0: full attention; empty: all full
  // Which rotation a layer uses; empty: `rope` in all.
  enum class LayerRope : uint8_t { Main, Local, None };
  std::vector<LayerRope> layer_rope;
  RopeConfig local_rope;  // of the layers with LayerRope::Local
  std::vector<int64_t> eos_token_ids;   // generation_config.json, else config.json
  int64_t bos_token_id = -1;

  int64_t group_size() const { return n_heads / n_kv_heads; }
  int64_t window_of(int64_t layer) const {  // tokens a query sees, itself included; 0: all
    return sliding_window.empty() ? 0 : sliding_window[static_cast<size_t>(layer)];
  }
  const RopeConfig* rope_of(int64_t layer) const;  // null: the layer does not rotate
  double score_scale() const;
  double embedding_factor(DType dtype) const;
  float query_scale(int64_t position) const;
  double attention_scale = 0;    // what scores are multiplied by; 0: 1 / sqrt(head_dim)
  double attention_softcap = 0;  // scores -> c tanh(scores / c); 0: none
  double embedding_scale = 1;
  bool embedding_scale_in_dtype = false;  // rounded to the model's dtype first
  double residual_scale = 1;  // on what attention and MLP add to the residual stream
  double logit_divisor = 1;
  double logit_softcap = 0;  // logits -> c tanh(logits / c); 0: none
  // Queries at position p are multiplied by 1 + growth log(1 + floor(p / period)).
  double query_growth = 0;
  int64_t query_growth_period = 1;
  bool attention_sinks = false;  // each head has a logit more, whose weight goes to no entry
  ExpertsConfig experts;
};

// Reads `path`/config.json (+ generation_config.json), or what a GGUF file says. Throws Error(CannotLoad) naming the file,
// key, what was found and what was expected; an unknown family lists the known ones.
ModelConfig read_config(const std::filesystem::path& path);

}  // namespace kvhost
