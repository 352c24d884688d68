// SPDX-License-Identifier: Apache-2.0
// Rotary frequencies of a checkpoint, with its context extension applied.
#pragma once

#include "model/config.hpp"
#include "model/families.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

// Sets rope, local_rope and the growth of queries; sizes and kinds of the layers are known. Reads
// the old spelling (rope_theta, rope_scaling) and that of transformers 5 (rope_parameters, which
// may hold one set for each type of layer). A rope_scaling that says something wins over
// rope_parameters, but for their theta.
void read_ropes(const Family& family, const JsonFields& fields, ModelConfig& config);

}  // namespace kvhost
