// SPDX-License-Identifier: Apache-2.0
// The architectures of GGUF files as data: which family each is, and what its converter does to the
// weights that Hugging Face has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kvhost {

struct GgufArchitecture {
  const char* name;        // general.architecture
  const char* model_type;  // config.json's
  // Queries and keys: the two halves of each head that rotate together lie side by side.
  bool interleaved = false;
  // Query, key and value rows of one matrix: all queries first, not head by head.
  bool thirds = false;
  bool wide_activations = false;             // beyond what float16 holds
  const char* after_attention = "ffn_norm";  // what Hugging Face's post_attention_layernorm is
  const char* rotary_share = "partial_rotary_factor";  // config.json's word for it
  // Of Gemma, the largest model (with so many layers) scales scores by its width per head, the
  // others by head_dim; 0: not Gemma.
  int64_t width_scaled_layers = 0;
  // JSON: what config.json says and the metadata leaves out; `rope`: inside rope_parameters.
  const char* settings = "{}";
  const char* rope = "{}";
};

// With `experts` where there is a family of its own for them (Mixtral is "llama" with experts).
// Null: unknown.
const GgufArchitecture* find_gguf_architecture(const std::string& name, bool experts);
std::vector<std::string> gguf_architecture_names();

// Where the tensor that Hugging Face calls `name` is in a GGUF file.
struct GgufSource {
  std::string tensor;
  int64_t expert = -1;  // of a tensor of all experts; -1: all of it
};
std::optional<GgufSource> gguf_source(const GgufArchitecture& architecture,
                                      const std::string& name);

}  // namespace kvhost
