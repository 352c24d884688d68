// SPDX-License-Identifier: Apache-2.0
// Hugging Face's names of tensors to those of GGUF files.
#include <charconv>
#include <string_view>

#include "model/gguf_architectures.hpp"

namespace kvhost {

namespace {

struct NamePair {
  std::string_view theirs;  // Hugging Face's, without prefix and .weight or .bias
  const char* gguf;
};

constexpr NamePair kModelNames[] = {
    {"embed_tokens", "token_embd"},
    {"norm", "output_norm"},
    {"lm_head", "output"},
    {"embed_in", "token_embd"},
    {"final_layer_norm", "output_norm"},
    {"embed_out", "output"},
};

constexpr NamePair kLayerNames[] = {
    {"input_layernorm", "attn_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"self_attn.sinks", "attn_sinks"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"attention.query_key_value", "attn_qkv"},
    {"attention.dense", "attn_output"},
    {"mlp.dense_h_to_4h", "ffn_up"},
    {"mlp.dense_4h_to_h", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.router", "ffn_gate_inp"},
    {"block_sparse_moe.gate", "ffn_gate_inp"},
    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
};

// Behind "experts.N.".
constexpr NamePair kExpertNames[] = {
    {"gate_proj", "ffn_gate_exps"},
    {"up_proj", "ffn_up_exps"},
    {"down_proj", "ffn_down_exps"},
    {"w1", "ffn_gate_exps"},
    {"w3", "ffn_up_exps"},
    {"w2", "ffn_down_exps"},
};

template <size_t N>
const char* find_name(const NamePair (&pairs)[N], std::string_view name) {
  for (const auto& pair : pairs)
    if (pair.theirs == name) return pair.gguf;
  return nullptr;
}

// Takes "N." off the front of `text`.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != '.') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(read.ptr + 1 - text.data()));
  return number;
}

// What follows `word` in `text`, taken off; false when it does not occur.
bool take_behind(std::string_view word, std::string_view& text) {
  const size_t at = text.find(word);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != '.')) return false;
  text.remove_prefix(at + word.size());
  return true;
}

// ".weight" or ".bias" taken off the end; a name without one is a weight.
std::string_view take_part(std::string_view& name) {
  for (const std::string_view part : {".weight", ".bias"})
    if (name.ends_with(part)) {
      name.remove_suffix(part.size());
      return part;
    }
  return ".weight";
}

}  // namespace

std::optional<GgufSource> gguf_source(const GgufArchitecture& architecture,
                                      const std::string& name) {
  std::string_view rest = name;
  const std::string part(take_part(rest));
  if (!take_behind("layers.", rest)) {
    rest.remove_prefix(rest.rfind('.') == std::string_view::npos ? 0 : rest.rfind('.') + 1);
    const char* found = find_name(kModelNames, rest);
    return found ? std::optional(GgufSource{found + part}) : std::nullopt;
  }
  const auto layer = take_number(rest);
  if (!layer) return std::nullopt;
  GgufSource source;
  const char* found = nullptr;
  if (take_behind("experts.", rest)) {
    const auto expert = take_number(rest);
    if (!expert) return std::nullopt;
    source.expert = *expert;
    found = find_name(kExpertNames, rest);
  } else {
    found = rest == "post_attention_layernorm" ? architecture.after_attention
                                               : find_name(kLayerNames, rest);
  }
  if (!found) return std::nullopt;
  source.tensor = "blk." + std::to_string(*layer) + "." + found + part;
  return source;
}

}  // namespace kvhost
