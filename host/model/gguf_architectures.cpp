// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_architectures.hpp"

namespace kvhost {

namespace {

constexpr const char* kPostNorm = "post_attention_norm";

constexpr GgufArchitecture kArchitectures[] = {
    {.name = "gemma", .model_type = "gemma", .wide_activations = true},
    {.name = "gemma2",
     .model_type = "gemma2",
     .wide_activations = true,
     .after_attention = kPostNorm,
     .width_scaled_layers = 46},
    {.name = "gemma3",
     .model_type = "gemma3_text",
     .wide_activations = true,
     .after_attention = kPostNorm,
     .width_scaled_layers = 62},
    {.name = "gpt-oss",
     .model_type = "gpt_oss",
     .wide_activations = true,
     .after_attention = kPostNorm,
     .rope = R"({"truncate": false})"},
    {.name = "gptneox", .model_type = "gpt_neox", .thirds = true, .rotary_share = "rotary_pct"},
    {.name = "granite", .model_type = "granite", .interleaved = true},
    {.name = "llama", .model_type = "llama", .interleaved = true},
    {.name = "mistral3",
     .model_type = "ministral3",
     .interleaved = true,
     .rope = R"({"mscale": 1.0, "llama_4_scaling_beta": 0})"},
    {.name = "olmo2", .model_type = "olmo2", .after_attention = kPostNorm},
    {.name = "phi3", .model_type = "phi3"},
    {.name = "qwen2", .model_type = "qwen2"},
    {.name = "qwen2moe", .model_type = "qwen2_moe"},
    {.name = "qwen3", .model_type = "qwen3"},
    {.name = "qwen3moe",
     .model_type = "qwen3_moe",
     .settings = R"({"norm_topk_prob": true})"},
    {.name = "smollm3", .model_type = "smollm3", .interleaved = true},
};

// Families of experts whose architecture has the name of the one without.
constexpr GgufArchitecture kExpertArchitectures[] = {
    {.name = "llama", .model_type = "mixtral", .interleaved = true},
};

}  // namespace

const GgufArchitecture* find_gguf_architecture(const std::string& name, bool experts) {
  if (experts)
    for (const auto& architecture : kExpertArchitectures)
      if (name == architecture.name) return &architecture;
  for (const auto& architecture : kArchitectures)
    if (name == architecture.name) return &architecture;
  return nullptr;
}

std::vector<std::string> gguf_architecture_names() {
  std::vector<std::string> names;
  for (const auto& architecture : kArchitectures) names.emplace_back(architecture.name);
  return names;
}

}  // namespace kvhost
