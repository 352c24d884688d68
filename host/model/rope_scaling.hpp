// SPDX-License-Identifier: Apache-2.0
// Ways to extend the context a model was trained on by changing its rotary frequencies.
#pragma once

#include <cstdint>
#include <string>

#include "model/config.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

// What a config says of it.
struct Extension {
  const JsonFields& fields;   // rope_parameters or rope_scaling
  int64_t trained_positions;  // the length trained on
  int64_t max_positions;
  std::string family;
};

// Changes `rope`, whose theta, rotary_dim and plain frequencies are set. Throws Error(CannotLoad)
// naming the key.
void extend_context(const Extension& extension, RopeConfig& rope);

}  // namespace kvhost
