// SPDX-License-Identifier: Apache-2.0
// What the readers of models need of rooms that stand on libtorch: elements as float32, and what a
// folder's one file of weights is stored as.
#include <bit>
#include <cstring>

#include "format/safetensors.hpp"
#include "kernels/element_math.hpp"
#include "model/checkpoint.hpp"

namespace kvhost {
namespace {

float from_half(uint16_t half) {
  const uint32_t sign = uint32_t{half} >> 15 << 31, rest = half & 0x7fffu;
  if (rest >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000u | rest << 13);
  // Shifted into place, an exponent is too small by 127 - 15; a product mends subnormals too.
  return std::bit_cast<float>(sign | rest << 13) * 0x1p112f;
}

}  // namespace

void widen(DType dtype, const void* from, int64_t n, float* to) {
  const auto* halves = static_cast<const uint16_t*>(from);
  for (int64_t i = 0; i < n; ++i) {
    if (dtype == DType::BFloat16)
      to[i] = std::bit_cast<float>(uint32_t{halves[i]} << 16);
    else if (dtype == DType::Float16)
      to[i] = from_half(halves[i]);
    else
      to[i] = static_cast<const float*>(from)[i];
  }
}

Checkpoint read_checkpoint(const std::filesystem::path& folder, Held held) {
  Checkpoint checkpoint;
  checkpoint.source = folder / "model.safetensors";
  for (auto& tensor : read_safetensors(checkpoint.source, held)) {
    std::string name = tensor.name;
    checkpoint.tensors.emplace(std::move(name), std::move(tensor));
  }
  return checkpoint;
}

}  // namespace kvhost
