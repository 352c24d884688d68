// SPDX-License-Identifier: Apache-2.0
// Rotary frequencies of a checkpoint, with its context extension applied.
#pragma once

#include "model/config.hpp"
#include "model/families.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

// Reads the old spelling (rope_theta, rope_scaling) and that of transformers 5 (rope_parameters).
RopeConfig read_rope(const Family& family,
                     const JsonFields& fields,
                     int64_t head_dim,
                     int64_t max_positions);

}  // namespace kvhost
