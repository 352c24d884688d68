// SPDX-License-Identifier: Apache-2.0
// The tensors of one layer's mixture of experts, each expert by itself.
#pragma once

#include <string>
#include <vector>

#include "model/weight_slots.hpp"

namespace kvhost {

// `prefix` is the layer's. Resizes layer.experts.
std::vector<WeightSlot> expert_slots(const ModelConfig& config,
                                     const std::string& prefix,
                                     LayerWeights& layer);

}  // namespace kvhost
