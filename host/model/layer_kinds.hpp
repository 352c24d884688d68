// SPDX-License-Identifier: Apache-2.0
// How the layers of one model differ: which see a sliding window only, and how each rotates.
#pragma once

#include "model/config.hpp"
#include "model/families.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

// Sets sliding_window and layer_rope; config.n_layers is known.
void read_layer_kinds(const Family& family, const JsonFields& fields, ModelConfig& config);

}  // namespace kvhost
