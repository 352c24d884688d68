// SPDX-License-Identifier: Apache-2.0
#include "model/expert_slots.hpp"

#include <cassert>

#include "model/experts_config.hpp"

namespace kvhost {

namespace {

void add(std::vector<WeightSlot>& slots,
         const std::string& name,
         int64_t n_out,
         int64_t n_in,
         bool bias,
         Linear& linear) {
  slots.push_back({.name = name + ".weight", .shape = {n_out, n_in}, .matrix = &linear.weight});
  if (bias) slots.push_back({.name = name + ".bias", .shape = {n_out}, .vector = &linear.bias});
}

}  // namespace

std::vector<WeightSlot> expert_slots(const ModelConfig& config,
                                     const std::string& prefix,
                                     LayerWeights& layer) {
  const ExpertFamily* family = find_expert_family(config.family);
  assert(family);
  const ExpertsConfig& experts = config.experts;
  const int64_t hidden = config.hidden_size;
  std::vector<WeightSlot> slots;
  add(slots, prefix + family->router, experts.n_experts, hidden, experts.biases,
      layer.experts.router);
  layer.experts.experts.resize(static_cast<size_t>(experts.n_experts));
  for (int64_t e = 0; e < experts.n_experts; ++e) {
    Expert& expert = layer.experts.experts[static_cast<size_t>(e)];
    std::string name = prefix + family->expert;
    name.replace(name.find('#', prefix.size()), 1, std::to_string(e));
    add(slots, name + family->gate, experts.width, hidden, experts.biases, expert.gate);
    add(slots, name + family->up, experts.width, hidden, experts.biases, expert.up);
    add(slots, name + family->down, hidden, experts.width, experts.biases, expert.down);
  }
  if (experts.shared_width == 0) return slots;
  const std::string shared = prefix + family->shared;
  add(slots, shared + "gate_proj", experts.shared_width, hidden, false, layer.gate);
  add(slots, shared + "up_proj", experts.shared_width, hidden, false, layer.up);
  add(slots, shared + "down_proj", hidden, experts.shared_width, false, layer.down);
  slots.push_back({.name = prefix + family->shared_gate + ".weight",
                   .shape = {1, hidden},
                   .matrix = &layer.experts.shared_gate});
  return slots;
}

}  // namespace kvhost
