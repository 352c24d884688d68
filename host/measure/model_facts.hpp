// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace kvhost {

// What a report says of the model it was measured on.
struct ModelFacts {
  std::string path, family;
  int64_t n_layers = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0;
};

}  // namespace kvhost
