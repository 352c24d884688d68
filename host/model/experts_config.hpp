// SPDX-License-Identifier: Apache-2.0
// Mixtures of experts as data: how config.json describes them and what their weights are called.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvhost {

class JsonFields;

struct ExpertsConfig {
  int64_t n_experts = 0;       // 0: the model has none
  int64_t n_chosen = 0;        // of them for each token
  int64_t width = 0;           // intermediate size of one
  int64_t shared_width = 0;    // of the one that every token passes through; 0: there is none
  bool shares_sum_to_1 = true;  // of the chosen ones; otherwise of all
  bool biases = false;          // of the router and the experts
  // gpt-oss: (min(up, limit) + 1) * g * sigmoid(1.702 g), g = min(gate, limit); 0: activation * up
  double clamp = 0;
  std::vector<bool> in_layer;  // which layers have them instead of one MLP

  bool in(int64_t layer) const {
    return n_experts > 0 && in_layer[static_cast<size_t>(layer)];
  }
};

// What differs between families that have experts. Names stand behind the layer's; # is the number
// of an expert.
struct ExpertFamily {
  const char* model_type;
  const char* router;
  const char* expert;  // followed by gate, up or down
  const char* gate;
  const char* up;
  const char* down;
  const char* shared;       // followed by gate_proj, up_proj or down_proj; null: there is none
  const char* shared_gate;
  const char* width_key;
  int64_t n_experts, n_chosen, width, shared_width;  // when config.json names none
  bool shares_sum_to_1;  // when config.json does not say (norm_topk_prob)
  bool sparse_step;      // decoder_sparse_step and mlp_only_layers say which layers have experts
  bool biases;
  double clamp;  // 0: none
};

const ExpertFamily* find_expert_family(const std::string& model_type);  // null: no experts

// The experts of a model of `n_layers` of this family. Throws Error(CannotLoad).
ExpertsConfig read_experts(const ExpertFamily& family, const JsonFields& fields, int64_t n_layers);

}  // namespace kvhost
