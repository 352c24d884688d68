// SPDX-License-Identifier: Apache-2.0
// Every tensor a model of this config has: its name in the checkpoint, its shape and where it goes.
// Several slots may name one tensor: each takes some of its rows.
#pragma once

#include <string>
#include <vector>

#include "model/weights.hpp"

namespace kvhost {

struct WeightSlot {
  std::string name;
  std::vector<int64_t> shape;    // of the stored tensor
  Matrix* matrix = nullptr;      // inside the ModelWeights given: one of the two
  at::Tensor* vector = nullptr;  // biases in the model's dtype, norms in float32
  bool norm = false;
  bool add_one = false;  // the stored numbers and 1 are the weight
  int64_t first_row = 0, n_rows = -1;  // what of the stored tensor; -1: all
};

// Resizes weights.layers to the config. A tied lm_head has no slot.
std::vector<WeightSlot> weight_slots(const ModelConfig& config, ModelWeights& weights);

}  // namespace kvhost
