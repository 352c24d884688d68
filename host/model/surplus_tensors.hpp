// SPDX-License-Identifier: Apache-2.0
// Tensors of a checkpoint that the model, as config.json describes it, has no use for: MTP layers,
// scales of a quantised cache, a classifier, towers for pictures.
#pragma once

#include <string>
#include <vector>

#include "model/checkpoint.hpp"
#include "model/config.hpp"
#include "model/tensor_names.hpp"

namespace kvhost {

// Throws Error(CannotLoad) naming those that say that config.json describes another model: a bias,
// norm or scale beside weights that are used, with values that change something.
void refuse_telling(const ModelConfig& config,
                    const Checkpoint& checkpoint,
                    const TensorNames& names,
                    const std::vector<std::string>& surplus);

// What hints at why `missing` is missing: a misspelt or quantised form of it; or "".
std::string hint_for(const std::string& missing, const std::vector<std::string>& surplus);

}  // namespace kvhost
