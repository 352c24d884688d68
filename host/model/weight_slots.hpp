// SPDX-License-Identifier: Apache-2.0
// Every tensor a model of this config has: its name in the checkpoint, its shape and where it goes.
#pragma once

#include <string>
#include <vector>

#include "model/weights.hpp"

namespace kvhost {

struct WeightSlot {
  std::string name;
  std::vector<int64_t> shape;
  at::Tensor* tensor;  // inside the ModelWeights given
};

// Resizes weights.layers to the config. A tied lm_head has no slot.
std::vector<WeightSlot> weight_slots(const ModelConfig& config, ModelWeights& weights);

}  // namespace kvhost
