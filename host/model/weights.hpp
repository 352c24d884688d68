// SPDX-License-Identifier: Apache-2.0
// The weights of a model by role, in one dtype.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "model/matrix.hpp"

namespace kvhost {

struct Linear {
  Matrix weight;    // [n_out, n_in]
  at::Tensor bias;  // [n_out] or undefined
};

// float32 in a model of any dtype: they are small, and some families add 1 to them.
struct Norm {
  at::Tensor weight;  // [n]
  at::Tensor bias;    // [n], LayerNorm only
};

struct Expert {
  Linear gate, up, down;
};

// Where a layer has a mixture of experts.
struct ExpertWeights {
  Linear router;               // [n_experts, hidden_size]
  std::vector<Expert> experts;  // [n_experts]
  Matrix shared_gate;          // [1, hidden_size], where there is a shared expert
};

struct LayerWeights {
  // Of what attention and MLP read, and of what they add; undefined where the family has none.
  Norm attention_norm, mlp_norm;
  Norm attention_post_norm, mlp_post_norm;
  Linear q, k, v;         // undefined where qkv is defined
  Linear qkv;             // rows ordered [n_heads, (q, k, v), head_dim]
  Linear output;          // [hidden_size, n_heads * head_dim]
  Norm q_norm, k_norm;    // [head_dim], or [heads * head_dim]: QkNorm
  Linear gate, up, down;  // gate: with gated_mlp; with experts: the shared one's, or undefined
  ExpertWeights experts;
  at::Tensor sinks;  // float32 [n_heads], or undefined
};

struct ModelWeights {
  Matrix embedding;  // [vocab_size, hidden_size]
  Matrix lm_head;    // [vocab_size, hidden_size]; the embedding itself when tied
  Norm final_norm;
  std::vector<LayerWeights> layers;
};

// Immutable once built; the tensors may be views of files and must not be written.
class Weights {
 public:
  // Reads config.json and the checkpoint of the folder `dir`, or the GGUF file of that name. Tensors
  // that already have `dtype` (default: the checkpoint's) stay as the file has them. Throws
  // Error(CannotLoad) naming missing tensors, wrong shapes and types, and those that another model
  // than config.json's would have. form: how matrices are to be stored instead (see quantise.hpp).
  static std::shared_ptr<const Weights> load(const std::filesystem::path& dir,
                                             std::optional<DType> dtype = {},
                                             std::optional<WeightType> form = {});

  // Weights of the given dimensions with reproducible pseudo-random values, for measuring without a
  // file.
  static std::shared_ptr<const Weights> random(const ModelConfig& config,
                                               DType dtype,
                                               uint64_t seed);

  const ModelConfig& config() const { return config_; }
  DType dtype() const { return dtype_; }
  const ModelWeights& tensors() const { return tensors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }  // what a user should know

 private:
  Weights(const ModelConfig& config, DType dtype);
  static std::shared_ptr<const Weights> load_gguf(const std::filesystem::path& path,
                                                  const ModelConfig& config,
                                                  std::optional<DType> dtype,
                                                  std::optional<WeightType> form);

  ModelConfig config_;
  DType dtype_;
  ModelWeights tensors_;
  std::vector<std::string> warnings_;
};

}  // namespace kvhost
