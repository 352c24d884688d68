// SPDX-License-Identifier: Apache-2.0
// Which tensor of a checkpoint is which weight of the model. As transformers does, tensors that the
// model has no use for are left out with a warning; unlike there, not where that would be another
// model than the one that was saved.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/checkpoint.hpp"
#include "model/config.hpp"
#include "model/weight_slots.hpp"

namespace kvhost {

struct CheckpointFit {
  std::map<std::string, const StoredTensor*> tensors;  // by WeightSlot::name, inside the checkpoint
  // config.json ties the head to the embedding, but the checkpoint holds another head: it is in
  // `tensors`.
  bool own_head = false;
  std::vector<std::string> warnings;
};

// Throws Error(CannotLoad) naming tensors that are missing, or stored although a model of this
// config has no place for what they do.
CheckpointFit fit_checkpoint(const ModelConfig& config,
                             const Checkpoint& checkpoint,
                             const std::vector<WeightSlot>& slots);

}  // namespace kvhost
