// SPDX-License-Identifier: Apache-2.0
// What was learned, as a safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kvhost::train {

// Float32, row-major; borrowed.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  const float* data = nullptr;

  int64_t n_elements() const;
};

// `facts` go into the file's metadata. The file is there whole, or as it was.
void write_tensors(const std::filesystem::path& file,
                   const std::vector<NamedTensor>& tensors,
                   const std::map<std::string, std::string>& facts);

}  // namespace kvhost::train
