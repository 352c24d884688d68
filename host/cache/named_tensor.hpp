// SPDX-License-Identifier: Apache-2.0
// What stands beside a cache in a file: a tensor by name, as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvhost {

struct NamedTensor {
  std::string name, dtype;  // as in safetensors: "U8", "I64", "F32", "BF16", "F16"
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

}  // namespace kvhost
