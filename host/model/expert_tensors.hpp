// SPDX-License-Identifier: Apache-2.0
// Checkpoints that keep all experts of a layer in one tensor, taken apart into the tensors that
// other checkpoints have, one expert each.
#pragma once

#include "model/checkpoint.hpp"
#include "model/config.hpp"

namespace kvhost {

// mlp.experts.gate_up_proj [n_experts, 2 width, hidden_size] and down_proj become views of the
// mapped file. gpt-oss's are transposed with gate and up in turns, or rows of MXFP4 (_blocks and
// _scales): those are copied. Throws Error(CannotLoad) naming the tensor, its shape and the expected
// one. Does nothing where every expert has its own tensors.
void split_experts(const ModelConfig& config, Checkpoint& checkpoint);

}  // namespace kvhost
